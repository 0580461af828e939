"""Whoever judges what a trial has just done: act shows outcomes as they come and never judges itself."""

from collections.abc import Sequence
from typing import Protocol

from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import RunRecord


class OutcomeJudge(Protocol):
    """Judges one finished run or measurement, for the live view."""

    def run(self, folder: TrialFolder, record: RunRecord) -> tuple[str, str]:
        """(outcome, code) of a finished run."""
        ...

    def speed(self, folder: TrialFolder, contender: str) -> tuple[float | None, str]:
        """(tok/s, status) of a finished measurement."""
        ...

    def half_width(self, pairs: Sequence[tuple[float, float]]) -> float | None:
        """How sure a ratio is by the scatter of its requests; None: they show none."""
        ...
