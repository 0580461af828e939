"""One trial as the pages show it: its verdict, and what stands beside it in the folder."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from onbox.errors import OnboxError, UsageError
from onbox.evidence.folder import TrialFolder
from onbox.judge.results import ContenderResult, Outcome, RunResult, Verdict
from onbox.judge.verdict.cells import CountedRun
from onbox.report.page import Finding, Page, read_page
from onbox.schema.checks import Status
from onbox.view.library import Library, TrialSummary
from onbox.view.summary import Stamp

TRIALS_KEPT = 4
COLOURS = 4


@dataclass(frozen=True)
class TrialPage:
    """A trial that has a verdict."""

    at: str
    folder: TrialFolder
    stamp: Stamp
    verdict: Verdict
    page: Page
    counted_runs: dict[str, Mapping[str, Sequence[CountedRun]]] = field(default_factory=dict)
    """The valid runs by contender and task, of those that were compared."""

    @property
    def name(self) -> str:
        """Of its folder."""
        return os.path.basename(str(self.folder.path))

    @cached_property
    def colours(self) -> dict[str, str]:
        """The style class of each contender, as in the report."""
        return {contender.name: f"c{index % COLOURS}" for index, contender in enumerate(self.verdict.contenders)}

    @cached_property
    def codes(self) -> dict[str, tuple[Outcome, int]]:
        """Each code with its outcome and how many runs ended so, the most frequent first."""
        found: dict[str, tuple[Outcome, int]] = {}
        for run in self.verdict.runs:
            found[run.code] = (run.outcome, found.get(run.code, (run.outcome, 0))[1] + 1)
        return dict(sorted(found.items(), key=lambda each: -each[1][1]))

    @cached_property
    def cells(self) -> dict[tuple[str, str, str], tuple[RunResult, ...]]:
        """The runs of each contender, task and arm, by number."""
        found: dict[tuple[str, str, str], list[RunResult]] = {}
        for run in self.verdict.runs:
            found.setdefault((run.contender, run.task, run.arm), []).append(run)
        return {key: tuple(sorted(runs, key=lambda run: run.n)) for key, runs in found.items()}

    @cached_property
    def arms(self) -> tuple[str, ...]:
        """In the order of the plan."""
        return self.page.arms()

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """In the order of the plan."""
        return self.page.tasks()

    @cached_property
    def doubts(self) -> tuple[Finding, ...]:
        """Checks that failed or warned."""
        return self.page.findings(Status.FAIL, Status.WARN)

    @cached_property
    def unseen(self) -> tuple[Finding, ...]:
        """Checks that could not see."""
        return self.page.findings(Status.UNKNOWN)

    @cached_property
    def passed(self) -> tuple[Finding, ...]:
        """Checks that passed."""
        return self.page.findings(Status.PASS)

    def contender(self, name: str) -> ContenderResult:
        """One contender.

        Raises:
            UsageError: it has no such contender.
        """
        found = next((each for each in self.verdict.contenders if each.name == name), None)
        if found is None:
            raise UsageError("this trial has no such contender", "go back to the trial")
        return found

    def run(self, key: str) -> RunResult:
        """One run, by contender, task, arm and number with slashes between.

        Raises:
            UsageError: there is no such run.
        """
        contender, task, arm, n = (*key.split("/"), "", "", "", "")[:4]
        for run in self.cells.get((contender, task, arm), ()):
            if str(run.n) == n:
                return run
        raise UsageError("this trial has no such run", "go back to the trial")


class Trials:
    """Reads trials, and keeps the last few."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._kept: TrialSummary[str, TrialPage | None] = TrialSummary(TRIALS_KEPT)

    def get(self, at: str) -> TrialPage | None:
        """The trial; None: it has no verdict yet, or is being worked on.

        Raises:
            UsageError: there is none, or its verdict cannot be read.
        """
        stamp = self._library.stamp(at)
        if stamp.verdict is None or stamp.running:
            return None
        return self._kept.get(at, stamp.key(), 1, lambda: self._read(at, stamp))

    def needed(self, at: str) -> TrialPage:
        """The trial.

        Raises:
            UsageError: as `get`, or it has no verdict.
        """
        found = self.get(at)
        if found is None:
            raise UsageError("this trial has no verdict yet", "look again when it has ended")
        return found

    def _read(self, at: str, stamp: Stamp) -> TrialPage | None:
        verdict = self._library.verdict(at)
        if verdict is None:
            return None
        folder = self._library.folder(at)
        try:
            page = read_page(folder, verdict)
        except (OSError, OnboxError) as error:
            page = Page(Path(folder.path), verdict, None, None, (), (), (f"the folder cannot be read: {error}",))
        return TrialPage(at, folder, stamp, verdict, page)
