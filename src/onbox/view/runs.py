"""The runs of a trial, picked by contender, task, outcome and code; and the way from one to the next."""

from collections.abc import Sequence
from dataclasses import dataclass

from onbox.judge.results import Outcome, RunResult
from onbox.view.query import Query

NAMES = ("of", "task", "arm", "outcome", "code", "q")
"""Fields of an address that pick runs."""


@dataclass(frozen=True)
class RunFilter:
    """Which runs are asked for; an empty text asks for all."""

    of: str = ""
    task: str = ""
    arm: str = ""
    outcome: str = ""
    code: str = ""
    q: str = ""

    @classmethod
    def by(cls, query: Query) -> "RunFilter":
        """From an address."""
        return cls(**{name: query.text(name)[:300] for name in NAMES})

    def fields(self, **changes: str) -> list[tuple[str, str]]:
        """As fields of an address."""
        return [(name, changes.get(name, getattr(self, name))) for name in NAMES]

    def of_runs(self, runs: Sequence[RunResult]) -> list[RunResult]:
        """Those that fit."""
        words = self.q.casefold().split()
        return [run for run in runs if self._fits(run) and (not words or _says(run, words))]

    def _fits(self, run: RunResult) -> bool:
        return (
            self.of in ("", run.contender)
            and self.task in ("", run.task)
            and self.arm in ("", run.arm)
            and self.outcome in ("", run.outcome.value)
            and self.code in ("", run.code)
        )


def _says(run: RunResult, words: list[str]) -> bool:
    text = f"{run.contender} {run.task} {run.arm} {run.code} {run.detail} {run.outcome.value}".casefold()
    return all(word in text for word in words)


def key_of(run: RunResult) -> str:
    """What names a run in an address; no part of it holds a slash."""
    return f"{run.contender}/{run.task}/{run.arm}/{run.n}"


@dataclass(frozen=True)
class Neighbours:
    """What lies beside a run in the list that it was opened from."""

    before: RunResult | None
    after: RunResult | None
    place: int
    """From 1; 0: it is not in that list."""
    total: int


def neighbours(runs: Sequence[RunResult], run: RunResult) -> Neighbours:
    """The run before and after one in a list."""
    key = key_of(run)
    place = next((index for index, each in enumerate(runs) if key_of(each) == key), None)
    if place is None:
        return Neighbours(None, runs[0] if runs else None, 0, len(runs))
    before = runs[place - 1] if place else None
    after = runs[place + 1] if place + 1 < len(runs) else None
    return Neighbours(before, after, place + 1, len(runs))


@dataclass(frozen=True)
class OutcomeCount:
    """How the runs of one task ended."""

    outcome: Outcome
    runs: int


def counted(runs: Sequence[RunResult]) -> tuple[OutcomeCount, ...]:
    """By outcome, in the order of the outcomes."""
    return tuple(
        OutcomeCount(outcome, found) for outcome in Outcome if (found := sum(run.outcome is outcome for run in runs))
    )
