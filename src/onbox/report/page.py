"""What a report shows beside the verdict, read from the evidence folder once for all formats.

A file that is not there leaves its place empty; one that cannot be read is named in `problems`. Nothing here raises
for damaged evidence: a report of a broken trial is wanted most.
"""

import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel

from onbox.errors import OnboxError, UsageError
from onbox.evidence.folder import TrialFolder, read_json
from onbox.evidence.records import LedgerEntry, Phase, Plan, Preflight, StandUp, WeightsFile
from onbox.judge.results import BackendProof, RunResult, Verdict
from onbox.report.text import TruncatedText, cut
from onbox.schema.checks import Check, Status
from onbox.untrusted_json import INTEGER_MAX, parse

TRANSCRIPT_BYTES_MAX = 32_000_000
STEPS_MAX = 60
NAME_CHARACTERS_MAX = 120
BROUGHT = ("hub", "parts")
"""Sources of weights that were not here."""

R = TypeVar("R", bound=BaseModel)


class Call(NamedTuple):
    """One tool call of the model."""

    name: str
    arguments: TruncatedText


class TranscriptStep(NamedTuple):
    """One message of a run."""

    role: str
    content: TruncatedText
    reasoning: TruncatedText
    calls: tuple[Call, ...]
    seconds: float | None
    tokens: int | None


@dataclass(frozen=True)
class Transcript:
    """All that was said and done in a run, cut for showing."""

    steps: tuple[TranscriptStep, ...] = ()
    steps_omitted: int = 0
    gate: TruncatedText | None = None
    patch: TruncatedText | None = None
    problem: str = ""
    """Why there are no steps; empty when there are."""


@dataclass(frozen=True)
class ContenderPage:
    """What is known of one contender beside its results."""

    name: str
    recipe: dict[str, Any] = field(default_factory=dict)
    stand_ups: tuple[StandUp, ...] = ()
    weights: WeightsFile | None = None
    preflight: Preflight | None = None
    files: tuple[str, ...] = ()
    """Evidence outside the runs, relative to the trial folder."""


@dataclass(frozen=True)
class Finding:
    """A check and the contender whose number it is about."""

    check: Check
    contender: str
    """Empty for a check of the whole trial."""


@dataclass(frozen=True)
class Page:
    """All that a report shows."""

    folder: Path
    verdict: Verdict
    plan: Plan | None
    box: dict[str, Any] | None
    ledger: tuple[LedgerEntry, ...]
    contenders: tuple[ContenderPage, ...]
    problems: tuple[str, ...]
    """Evidence that should be readable and is not."""
    seal: str = ""
    """Of the evidence; empty where the page is made for the eye alone."""

    def findings(self, *statuses: Status) -> tuple[Finding, ...]:
        """The checks that came out so, in the order of `statuses`: those of the trial before those of a speed."""
        of_trial = [Finding(check, "") for check in self.verdict.checks]
        of_speed = [
            Finding(check, contender.name)
            for contender in self.verdict.contenders
            if contender.speed
            for check in contender.speed.checks
        ]
        found = [finding for finding in of_trial + of_speed if finding.check.status in statuses]
        return tuple(sorted(found, key=lambda finding: statuses.index(finding.check.status)))

    def backend(self, contender: str) -> BackendProof | None:
        """What the judge says of a contender's kernels and device."""
        return next((each.backend for each in self.verdict.contenders if each.name == contender), None)

    def arms(self) -> tuple[str, ...]:
        """The arms, in the order of the plan; those that only the runs know come last."""
        planned = self.plan.arms if self.plan else ()
        return tuple(dict.fromkeys((*planned, *(run.arm for run in self.verdict.runs))))

    def tasks(self) -> tuple[str, ...]:
        """The tasks, in the order of the plan; those that only the runs know come last."""
        planned = tuple(task.name for task in self.plan.tasks) if self.plan else ()
        return tuple(dict.fromkeys((*planned, *(run.task for run in self.verdict.runs))))

    @cached_property
    def _by_cell(self) -> dict[tuple[str, str, str], dict[int, RunResult]]:
        cells: dict[tuple[str, str, str], dict[int, RunResult]] = {}
        for run in self.verdict.runs:
            cells.setdefault((run.contender, run.task, run.arm), {})[run.n] = run
        return cells

    def squares(self, contender: str, task: str, arm: str) -> tuple[RunResult | None, ...]:
        """The runs of one cell by number; None for a run that was planned and has not ended."""
        found = self._by_cell.get((contender, task, arm), {})
        last = max([*found, self.plan.runs if self.plan else 0])
        return tuple(found.get(n) for n in range(1, last + 1))


def read_page(folder: TrialFolder, verdict: Verdict, seal: str = "") -> Page:
    """Read what the folder holds of the trial beside its runs."""
    problems: list[str] = []
    plan = _plan(folder, problems)
    names = [contender.name for contender in verdict.contenders]
    recipes = (
        {
            contender.name: contender.recipe.model_dump(mode="json", exclude_unset=True)
            for contender in plan.contenders
            if contender.recipe
        }
        if plan
        else {}
    )
    return Page(
        folder=folder.path,
        verdict=verdict,
        plan=plan,
        box=_json_object(folder.path / "box.json", folder, problems),
        ledger=_ledger(folder, problems),
        contenders=tuple(_contender(folder, name, recipes.get(name, {}), problems) for name in names),
        problems=tuple(problems),
        seal=seal,
    )


def read_transcript(folder: Path, run: RunResult, limit: int) -> Transcript:
    """Read what a run left behind, each text cut to `limit` characters."""
    home, place = os.path.realpath(folder), os.path.realpath(f"{folder}/{run.folder}")
    if not f"{place}/".startswith(f"{home.rstrip('/')}/"):
        return Transcript(problem="its folder lies outside the trial")
    at = type(folder)(place)  # of its own kind: its readers may be bound to the folder
    steps, problem = steps_of(at / "trajectory.json")
    shown = (*steps[: STEPS_MAX * 2 // 3], *steps[-STEPS_MAX // 3 :]) if len(steps) > STEPS_MAX else tuple(steps)
    return Transcript(
        steps=tuple(step_of(step, limit) for step in shown),
        steps_omitted=len(steps) - len(shown),
        gate=_text(at / "gate.txt", limit),
        patch=_text(at / "workspace.patch", limit),
        problem=problem,
    )


def _plan(folder: TrialFolder, problems: list[str]) -> Plan | None:
    if not (folder.path / "plan.yaml").is_file():
        return None
    try:
        return folder.plan()
    except OnboxError as error:
        problems.append(_relative(error.message, folder))
        return None


def _ledger(folder: TrialFolder, problems: list[str]) -> tuple[LedgerEntry, ...]:
    try:
        return tuple(folder.ledger())
    except OnboxError as error:
        problems.append(_relative(error.message, folder))
        return ()


def _contender(folder: TrialFolder, name: str, recipe: dict[str, Any], problems: list[str]) -> ContenderPage:
    at = folder.contender(name)
    stand_ups = (_record(StandUp, path, folder, problems) for path in sorted((at / "standup").glob("**/phases.json")))
    weights = _record(WeightsFile, at / "weights.json", folder, problems)
    return ContenderPage(
        name=name,
        recipe=recipe,
        stand_ups=_with_fetch(tuple(stand_up for stand_up in stand_ups if stand_up), weights),
        weights=weights,
        preflight=_record(Preflight, at / "preflight.json", folder, problems),
        files=_files(folder.path, at),
    )


def _files(trial: Path, at: Path) -> tuple[str, ...]:
    places = (at.glob("*"), (at / "standup").rglob("*"), (at / "speed").rglob("*"), (at / "nodes").rglob("*"))
    found = (path for place in places for path in sorted(place) if path.is_file())
    return tuple(path.relative_to(trial).as_posix() for path in found)


def _with_fetch(stand_ups: tuple[StandUp, ...], weights: WeightsFile | None) -> tuple[StandUp, ...]:
    """The time that weights took to come here stands before the phases of the life that they came for."""
    if not stand_ups or weights is None or weights.seconds is None or weights.source not in BROUGHT:
        return stand_ups
    fetched = Phase(name="fetch", seconds=weights.seconds, detail=f"from {weights.source}")
    last = stand_ups[-1]
    return (*stand_ups[:-1], last.model_copy(update={"phases": (fetched, *last.phases)}))


def _record(model: type[R], path: Path, folder: TrialFolder, problems: list[str]) -> R | None:
    try:
        return folder.read_if_there(model, path)
    except OnboxError as error:
        problems.append(_relative(error.message, folder))
        return None


def _json_object(path: Path, folder: TrialFolder, problems: list[str]) -> dict[str, Any] | None:
    value = _json(path, folder, problems)
    if value is not None and not isinstance(value, dict):
        problems.append(_relative(f"{path}: not an object", folder))
    return value if isinstance(value, dict) else None


def _json(path: Path, folder: TrialFolder, problems: list[str]) -> Any:
    try:
        return read_json(path) if path.is_file() else None
    except UsageError as error:
        problems.append(_relative(error.message, folder))
        return None


def _relative(message: str, folder: TrialFolder) -> str:
    return message.replace(f"{folder.path}/", "")


def steps_of(path: Path) -> tuple[list[dict[str, Any]], str]:
    """The steps of a `trajectory.json` as they were written, and why there are none."""
    if not path.is_file():
        return [], "no transcript was kept"
    with path.open("rb", buffering=0) as file:
        if os.fstat(file.fileno()).st_size > TRANSCRIPT_BYTES_MAX:
            return [], "the transcript is too large to show"
        data = file.readall()
    try:
        steps = parse(data, any_integer=True)["steps"]
    except (ValueError, KeyError, TypeError):
        return [], "the transcript cannot be read"
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else [], ""


def step_of(step: dict[str, Any], limit: int) -> TranscriptStep:
    """A step for showing, each text cut to `limit` characters."""
    found = step.get("tool_calls")
    calls = [call for call in found if isinstance(call, dict)] if isinstance(found, list) else []
    spent, tokens = step.get("seconds"), step.get("tokens")
    return TranscriptStep(
        role=_name(step.get("role")) or "unknown",
        content=cut(_as_text(step.get("content")), limit),
        reasoning=cut(_as_text(step.get("reasoning")), limit),
        calls=tuple(Call(_name(call.get("name")), cut(_as_text(call.get("arguments")), limit)) for call in calls),
        seconds=spent if isinstance(spent, int | float) and abs(spent) <= INTEGER_MAX else None,
        tokens=tokens if isinstance(tokens, int) and abs(tokens) <= INTEGER_MAX else None,
    )


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _name(value: object) -> str:
    text = _as_text(value)
    return text if len(text) <= NAME_CHARACTERS_MAX else f"{text[:NAME_CHARACTERS_MAX]}…"


def _text(path: Path, limit: int) -> TruncatedText | None:
    try:
        return cut(path.read_text("utf-8", "surrogateescape"), limit)
    except OSError:
        return None
