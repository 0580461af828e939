"""How much of a long trial stands in its report, and what lies in files beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from onbox.judge.results import RunResult, Verdict
from onbox.report.page import Transcript, read_transcript

T = TypeVar("T")
TEXT_CHARACTERS_MAX = 6000
"""Of one message, tool call, gate output or patch on a page; the file in the trial folder has the whole."""
TRANSCRIPTS_CHARACTERS_MAX = 2_000_000
"""Of all texts together, as they are shown; with more the page holds none of them."""
RUNS_MAX = 300
"""With more the page holds no transcript, however short they are."""
SQUARES_MAX = 40
"""Of one task by one contender; more runs are told in numbers."""
ROWS_MAX = 200
"""Of a table that is as long as the trial: the first and the last."""
RUNS_A_FILE = 100


def transcripts_apart(folder: Path, verdict: Verdict) -> bool:
    """Whether the transcripts of a trial lie beside its page."""
    if len(verdict.runs) > RUNS_MAX:
        return True
    total = 0
    for run in verdict.runs:
        total += _characters(read_transcript(folder, run, TEXT_CHARACTERS_MAX))
        if total > TRANSCRIPTS_CHARACTERS_MAX:
            return True
    return False


def _characters(transcript: Transcript) -> int:
    """How much of a transcript is shown."""
    steps = transcript.steps
    texts = [
        text for step in steps for text in (step.content, step.reasoning, *(call.arguments for call in step.calls))
    ]
    texts += [text for text in (transcript.gate, transcript.patch) if text is not None]
    return sum(len(text.head) + len(text.tail) for text in texts)


@dataclass(frozen=True)
class TranscriptFile:
    """One file of transcripts.

    Args:
        name: relative to the trial folder.
        runs: in it, of one contender on one task in one arm.
    """

    name: str
    runs: tuple[RunResult, ...]

    @property
    def title(self) -> str:
        """Whose they are."""
        first = self.runs[0]
        return f"{first.contender}, {first.task}, {first.arm}"


def transcript_files(verdict: Verdict) -> list[TranscriptFile]:
    """All files of transcripts of a trial that has them beside its page."""
    cells: dict[tuple[str, str, str], list[RunResult]] = {}
    for run in verdict.runs:
        cells.setdefault((run.contender, run.task, run.arm), []).append(run)
    parts = [
        tuple(runs[place : place + RUNS_A_FILE])
        for runs in cells.values()
        for place in range(0, len(runs), RUNS_A_FILE)
    ]
    return [TranscriptFile(f"transcripts/{number:04}.html", part) for number, part in enumerate(parts, 1)]


def ends(rows: Sequence[T], most: int = ROWS_MAX) -> Iterator[T]:
    """The first and the last of rows that are too many to be shown."""
    half = most // 2
    yield from rows if len(rows) <= most else (*rows[:half], *rows[-half:])
