"""Where a trial stands, gathered from its events: what the live picture is drawn from."""

from pathlib import PurePath

from onbox.trial.events import (
    ContenderStarted,
    ContenderStopped,
    Event,
    FetchProgress,
    MeasurementProgress,
    PhaseEnded,
    PhaseStarted,
    PlanShown,
    RunEnded,
    RunStarted,
    SpeedMeasured,
    TokenProgress,
)


class TrialProgress:
    """The state after the events taken in so far."""

    def __init__(self) -> None:
        self.plan: PlanShown | None = None
        self.contender: ContenderStarted | None = None
        self.phase = ""
        """The phase under way; empty between phases."""
        self.phases: list[PhaseEnded] = []
        """Those of the current contender that are over."""
        self.fetching: FetchProgress | None = None
        self.runs: dict[tuple[str, str, str, int], RunStarted] = {}
        """Those under way, the oldest first."""
        self.tokens: TokenProgress | None = None
        self.measuring: MeasurementProgress | None = None
        self.speeds: dict[str, SpeedMeasured] = {}
        self._ended: dict[tuple[str, str, str, int], str] = {}

    def take(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case PlanShown():
                self.plan = event
            case ContenderStarted():
                self.contender = event
                self.phase, self.phases = "", []
            case ContenderStopped():
                self.phase, self.tokens = "", None
                self.runs.clear()
            case PhaseStarted():
                self.phase = event.phase
            case PhaseEnded():
                self.phase, self.fetching, self.tokens, self.measuring = "", None, None, None
                self.phases.append(event)
            case FetchProgress():
                self.fetching = None if event.bytes_done == event.bytes_total else event
            case TokenProgress():
                self.tokens = event
            case MeasurementProgress():
                self.measuring = event
            case SpeedMeasured():
                self.speeds[event.contender] = event
            case RunStarted():
                self.runs[event.contender, event.task, event.arm, event.n] = event
                self.tokens = self.tokens if len(self.runs) > 1 else None
            case RunEnded():
                self.runs.pop((event.contender, event.task, event.arm, event.n), None)
                self.tokens = self.tokens if self.runs else None
                self._ended[event.contender, event.task, event.arm, event.n] = event.outcome
            case _:
                pass

    def trial_name(self) -> str:
        """The name of the trial's folder."""
        return PurePath(self.plan.trial).name if self.plan else ""

    @property
    def runs_total(self) -> int:
        """Runs that the plan asks for."""
        plan = self.plan
        return len(plan.contenders) * len(plan.tasks) * len(plan.arms) * plan.runs if plan else 0

    @property
    def runs_done(self) -> int:
        """Runs that ended, whatever their outcome."""
        return len(self._ended)

    def outcomes(self, contender: str, task: str, arm: str) -> list[str]:
        """One word for each planned run of a cell: its outcome, `running`, or empty for one to come."""
        here = (contender, task, arm)
        words = [self._ended.get((*here, n), "") for n in range(1, (self.plan.runs if self.plan else 0) + 1)]
        for key, run in list(self.runs.items()):
            if key[:3] == here and run.n <= len(words):
                words[run.n - 1] = "running"
        return words

    def rows(self, limit: int) -> list[tuple[str, str]]:
        """Task and arm of at most `limit` rows: all of them, or those around the oldest run under way."""
        if self.plan is None:
            return []
        rows = [(task, arm) for task in self.plan.tasks for arm in self.plan.arms]
        oldest = next(iter(list(self.runs.values())), None)
        now = (oldest.task, oldest.arm) if oldest else rows[0]
        middle = rows.index(now) if now in rows else 0
        first = max(0, min(middle - limit // 2, len(rows) - limit))
        return rows[first : first + limit]
