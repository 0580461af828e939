"""All that one run left behind, cut for reading: steps, what it changed, what the gate said, what asking again gave."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from onbox.errors import OnboxError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import Exchange, RunRecord
from onbox.evidence.replies import read_reply
from onbox.judge.results import RunResult
from onbox.report.page import TranscriptStep, step_of, steps_of
from onbox.report.text import TruncatedText, cut
from onbox.view.paging import ListPage, paged

TEXT_CHARACTERS_MAX = 24_000
STEPS_A_PAGE = 60
REPLAY_BYTES_MAX = 32_000_000
PATCH_BYTES_MAX = 400_000
GATE_BYTES_MAX = 200_000
FILES_MAX = 60
LINES_MAX = 1500
"""Of one file of a patch."""

REPLAYS = {
    "replay": "asked again, unchanged",
    "replay-flipped": "sent again, with streaming switched",
    "replay-raw": "sent again, past the server's parser",
    "replay-prompt": "the prompt, as the server's template makes it",
}


@dataclass(frozen=True)
class DiffLine:
    """A line of a patch; `kind` is a style class."""

    kind: str
    text: str


@dataclass(frozen=True)
class DiffFile:
    """One file of a patch."""

    name: str
    lines: tuple[DiffLine, ...]
    omitted: int
    added: int
    removed: int


@dataclass(frozen=True)
class Replay:
    """One time that the last request was sent again, and what came."""

    what: str
    status: str
    content: TruncatedText
    reasoning: TruncatedText
    calls: tuple[tuple[str, TruncatedText], ...]
    error: str


@dataclass(frozen=True)
class TranscriptPage:
    """A run, ready to be read."""

    record: RunRecord | None
    steps: ListPage[TranscriptStep]
    problem: str
    """Why there are no steps."""
    gate: TruncatedText | None
    patch: tuple[DiffFile, ...]
    patch_cut: bool
    replays: tuple[Replay, ...]
    problems: tuple[str, ...]
    """What of it cannot be read."""
    files: tuple[str, ...]


def read(folder: TrialFolder, run: RunResult, page: int) -> TranscriptPage:
    """Read what a run left behind; nothing here raises for damaged evidence."""
    at = folder.path.joinpath(*(part for part in run.folder.split("/") if part not in ("", ".", "..")))
    problems: list[str] = []
    steps, problem = steps_of(at / "trajectory.json")
    shown = paged(steps, page, STEPS_A_PAGE)
    patch, whole = _patch(at / "workspace.patch")
    return TranscriptPage(
        record=_record(folder, at / "run.json", problems),
        steps=ListPage(
            [step_of(step, TEXT_CHARACTERS_MAX) for step in shown.items],
            shown.number,
            shown.last,
            shown.total,
            shown.first,
        ),
        problem=problem,
        gate=_text(at / "gate.txt"),
        patch=patch,
        patch_cut=not whole,
        replays=tuple(_replays(folder, at / "replay.jsonl", problems)),
        problems=tuple(problems),
        files=tuple(sorted(path.name for path in at.glob("*") if path.is_file())) if at.is_dir() else (),
    )


def _record(folder: TrialFolder, path: Path, problems: list[str]) -> RunRecord | None:
    try:
        return folder.read_if_there(RunRecord, path)
    except OnboxError as error:
        problems.append(error.message.replace(f"{folder.path}/", ""))
        return None


def _head(path: Path, limit: int) -> tuple[str, bool] | None:
    """(text, whether that is all) of a file; None: it is not there."""
    try:
        with path.open("rb") as file:
            data = file.read(limit)
            whole = os.fstat(file.fileno()).st_size <= limit
    except OSError:
        return None
    return data.decode("utf-8", "surrogateescape"), whole


def _text(path: Path) -> TruncatedText | None:
    found = _head(path, GATE_BYTES_MAX)
    if found is None:
        return None
    text = cut(found[0], TEXT_CHARACTERS_MAX)
    return text if found[1] or text.omitted else TruncatedText(text.head, 1)


def _patch(path: Path) -> tuple[tuple[DiffFile, ...], bool]:
    found = _head(path, PATCH_BYTES_MAX)
    if found is None:
        return (), True
    files = list(_files(found[0].split("\n")))
    return tuple(files[:FILES_MAX]), found[1] and len(files) <= FILES_MAX


def _files(lines: list[str]) -> Iterator[DiffFile]:
    """Cut a patch where its files begin; the lines of a file's text begin with a sign, so that none looks so."""
    begins = [index for index, line in enumerate(lines) if line.startswith("diff ")]
    if not begins and any(lines):
        begins = [0]
    for index, begin in enumerate(begins):
        part = lines[begin : begins[index + 1] if index + 1 < len(begins) else len(lines)]
        while part and not part[-1]:
            part.pop()
        all_lines = tuple(_lines(part))
        yield DiffFile(
            name=_name(part),
            lines=all_lines[:LINES_MAX],
            omitted=max(0, len(all_lines) - LINES_MAX),
            added=sum(line.kind == "d-add" for line in all_lines),
            removed=sum(line.kind == "d-del" for line in all_lines),
        )


def _lines(part: list[str]) -> Iterator[DiffLine]:
    kinds = {"+": "d-add", "-": "d-del", "@": "d-place"}
    in_text = False
    for line in part:
        in_text = in_text or line.startswith("@@")
        yield DiffLine(kinds.get(line[:1], "d-same") if in_text else "d-head", line)


def _name(lines: list[str]) -> str:
    for mark in ("+++ ", "--- "):
        for line in lines[:8]:
            if line.startswith(mark) and "/dev/null" not in line:
                return line[4:].partition("\t")[0].removeprefix("b/").removeprefix("a/")[:300]
    return (lines[0] if lines else "")[:300]


def _replays(folder: TrialFolder, path: Path, problems: list[str]) -> Iterator[Replay]:
    try:
        if not path.is_file():
            return
        if path.stat().st_size > REPLAY_BYTES_MAX:
            problems.append(f"{path.name}: too large to be shown")
            return
        for exchange in folder.exchanges(path):
            yield _replay(exchange)
    except (OnboxError, OSError) as error:
        problems.append(str(error).replace(f"{folder.path}/", ""))


def _replay(exchange: Exchange) -> Replay:
    reply = read_reply(exchange)
    raw = not (reply.content or reply.reasoning or reply.tool_calls)
    content = exchange.body().decode("utf-8", "replace") if raw else reply.content
    return Replay(
        what=REPLAYS.get(exchange.purpose, exchange.purpose),
        status="no answer" if exchange.status is None else str(exchange.status),
        content=cut(content, TEXT_CHARACTERS_MAX),
        reasoning=cut(reply.reasoning, TEXT_CHARACTERS_MAX),
        calls=tuple((call.name, cut(call.arguments, TEXT_CHARACTERS_MAX)) for call in reply.tool_calls),
        error=reply.error or "",
    )
