"""How much of a long trial stands in its report, and what lies in files beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from onbox.judge.results import RunResult, Verdict

T = TypeVar("T")
TRANSCRIPTS_BYTES_MAX = 2_000_000
"""Of what the transcripts are made from; with more the page holds none of them."""
RUNS_MAX = 300
"""With more the page holds no transcript, however short they are."""
SQUARES_MAX = 40
"""Of one task by one contender; more runs are told in numbers."""
ROWS_MAX = 200
"""Of a table that is as long as the trial: the first and the last."""
RUNS_A_FILE = 100
FILES = ("trajectory.json", "gate.txt", "workspace.patch")


def beside(folder: Path, verdict: Verdict) -> bool:
    """Whether the transcripts of a trial lie beside its page."""
    if len(verdict.runs) > RUNS_MAX:
        return True
    total = 0
    for run in verdict.runs:
        total += sum(min(_size(folder / run.folder / name), TRANSCRIPTS_BYTES_MAX) for name in FILES)
    return total > TRANSCRIPTS_BYTES_MAX


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


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
