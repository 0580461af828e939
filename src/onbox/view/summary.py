"""What the list shows of a trial: the head of its verdict, or how far it is, without reading its runs."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from onbox.errors import UsageError
from onbox.evidence.folder import json_of
from onbox.field_errors import first_problem
from onbox.judge.results import ContenderResult, Measurement, Verdict
from onbox.report import formatting
from onbox.untrusted_json import UntrustedJsonError, parse
from onbox.view.holders import held

VERDICT_BYTES_MAX = 256_000_000
TEXT_MAX = 600
"""Characters of a sentence in the list."""
CONTENDERS_MAX = 8
LEDGER_BYTES = 8192
FILES = ("verdict.json", "plan.yaml", "ledger.jsonl")
_RUNS, _RUNS_END = b'\n  "runs": [\n', b"\n  ]"


class State(StrEnum):
    """How far a trial is."""

    FINISHED = "finished"
    RUNNING = "running"
    UNFINISHED = "not finished"
    BROKEN = "cannot be read"


@dataclass(frozen=True)
class Stamp:
    """When files of a trial last changed, as (nanoseconds, size); None for one that is not there."""

    verdict: tuple[int, int] | None
    plan: tuple[int, int] | None
    ledger: tuple[int, int] | None
    running: bool
    """Whether a process holds the folder."""

    @property
    def changed_ns(self) -> int:
        """The last change of any of them."""
        return max((each[0] for each in (self.verdict, self.plan, self.ledger) if each), default=0)

    def key(self) -> tuple[object, ...]:
        """What a summary depends on."""
        return self.verdict, self.plan, self.ledger if self.verdict is None or self.running else None, self.running

    @classmethod
    def of_entries(cls, entries: "Mapping[str, os.DirEntry[str]]") -> "Stamp":
        """By one look at the folder."""
        folder = next(iter(entries.values()))
        verdict, plan, ledger = (_entry_stamp(entries.get(name)) for name in FILES)
        return cls(verdict, plan, ledger, running=held(os.path.dirname(folder.path)))

    @classmethod
    def of(cls, folder: Path) -> "Stamp":
        """By a look at each file."""
        verdict, plan, ledger = (_path_stamp(folder / name) for name in FILES)
        return cls(verdict, plan, ledger, running=held(str(folder)))


def _entry_stamp(entry: "os.DirEntry[str] | None") -> tuple[int, int] | None:
    try:
        found = None if entry is None else entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size) if found is not None and stat.S_ISREG(found.st_mode) else None


def _path_stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size) if stat.S_ISREG(found.st_mode) else None


@dataclass(frozen=True)
class ShortContender:
    """A contender in a line."""

    name: str
    role: str
    pass_rate: float | None
    interval: tuple[float, float] | None
    passed: int
    valid: int
    speed: str


@dataclass(frozen=True)
class PageSummary:
    """A trial in the list."""

    at: str
    state: State
    title: str
    headline: str = ""
    verdict: str = ""
    """`keep`, `switch` or `undecided`; empty where there is none."""
    trial: str = ""
    contenders: tuple[ShortContender, ...] = ()
    more: int = 0
    """Contenders that the list leaves out."""

    def holds(self, wanted: str) -> bool:
        """Whether a search for these words finds it."""
        names = " ".join(contender.name for contender in self.contenders)
        text = " ".join((self.at, self.trial, self.title, self.headline, self.verdict, self.state, names)).casefold()
        return all(word in text for word in wanted.casefold().split())


def summarize(at: str, folder: Path, stamp: Stamp) -> PageSummary:
    """Read the head of a trial.

    Raises:
        UsageError: its verdict cannot be read.
    """
    if stamp.verdict is not None and not stamp.running:
        verdict = read_verdict(folder / "verdict.json", runs=False)
        title, headline = formatting.title_and_headline(verdict.verdict, verdict.headline)
        return PageSummary(
            at=at,
            state=State.FINISHED,
            title=_cut(title),
            headline=_cut(headline),
            verdict=_cut(verdict.verdict),
            trial=_cut(verdict.trial),
            contenders=tuple(map(_short, verdict.contenders[:CONTENDERS_MAX])),
            more=max(0, len(verdict.contenders) - CONTENDERS_MAX),
        )
    if stamp.plan is None:
        raise UsageError("it holds neither a plan nor a verdict that can be read")
    state = State.RUNNING if stamp.running else State.UNFINISHED
    return PageSummary(at=at, state=state, title=TITLES[state], headline=_cut(_last_word(folder / "ledger.jsonl")))


TITLES = {State.RUNNING: "Under way", State.UNFINISHED: "Not finished"}


def read_verdict(path: Path, *, runs: bool = True) -> Verdict:
    """`verdict.json`; without its runs where they are not asked for.

    Raises:
        UsageError: it is missing, too large, or none.
    """
    try:
        size = path.stat().st_size
        if size > VERDICT_BYTES_MAX:
            raise UsageError(f"verdict.json: too large to be read here: {formatting.size(size)}")
        data = path.read_bytes()
        return Verdict.model_validate(json_of(data) if runs else _without_runs(data))
    except OSError as error:
        raise UsageError(f"verdict.json: {error.strerror}") from error
    except ValidationError as error:
        raise UsageError(f"verdict.json: {first_problem(error)}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"verdict.json: not JSON: {str(error)[:100]}") from error


def _without_runs(data: bytes) -> Any:
    """The verdict but for its runs, which are most of it.

    onbox writes it indented, and no string of JSON holds a line end: a line that begins so is the field itself.
    """
    before, found, after = data.partition(_RUNS)
    if found:
        end = after.find(_RUNS_END)
        if end >= 0:
            try:
                return json_of(before + b'\n  "runs": [' + after[end:])
            except (ValueError, RecursionError):
                pass
    whole = json_of(data)
    return {**whole, "runs": []} if isinstance(whole, dict) else whole


def _short(contender: ContenderResult) -> ShortContender:
    return ShortContender(
        name=_cut(contender.name),
        role=contender.role,
        pass_rate=contender.pass_rate,
        interval=contender.interval,
        passed=contender.passed,
        valid=contender.valid,
        speed=_speed(contender.speed),
    )


def _speed(speed: Measurement | None) -> str:
    return formatting.NOT_MEASURED if speed is None else formatting.rate(speed)


def _last_word(ledger: Path) -> str:
    """The last whole line of a ledger, in words."""
    try:
        with ledger.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - LEDGER_BYTES))
            lines = file.read().split(b"\n")[:-1]
        entry = parse(lines[-1]) if lines else None
    except (OSError, UntrustedJsonError):
        return ""
    if not isinstance(entry, dict):
        return ""
    fields = [str(entry.get(name) or "") for name in ("kind", "subject", "reason")]
    return f"last: {': '.join(part for part in fields if part and part != '.')}"


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"
