"""What is known of a run beside its own record: the plan, the ledger, the guard, the server's usual rate."""

from collections.abc import Sequence
from dataclasses import dataclass

from onbox.evidence.records import Exchange, LedgerEntry, LedgerKind, Plan, RunRecord
from onbox.evidence.trial_evidence import EngineLife, RunEvidence
from onbox.judge.runs.observed_rate import UsualRate
from onbox.schema.units import size

STRIKES = (LedgerKind.DISCARDED, LedgerKind.INVALIDATED)


@dataclass(frozen=True)
class RunContext:
    """What is known of one run beside its record.

    Args:
        folder: where it lies, relative to the trial folder.
        struck: why the ledger struck it out; None when it stands.
        task_sha256: of the task in the plan; a run of other files is invalid. None: not compared.
        guarded: what the guard saw when it stopped the engine of this run, in words; None when it did not.
        usual: the server's usual rate; None when it is not known.
        replays: the run's last request, sent again.
        audited: the gate of its task passed its audit: the reference solution, and a workspace with nothing done, were
            judged within the gate's limits.
    """

    folder: str = ""
    struck: str | None = None
    task_sha256: str | None = None
    guarded: str | None = None
    usual: UsualRate | None = None
    replays: tuple[Exchange, ...] = ()
    audited: bool = False


NOTHING_KNOWN = RunContext()


class TrialContext:
    """What is known of all runs of one contender beside their records.

    Args:
        plan: of the trial.
        ledger: of the trial.
        lives: of the contender's engine.
    """

    def __init__(self, plan: Plan, ledger: Sequence[LedgerEntry], lives: Sequence[EngineLife]) -> None:
        self.struck = struck_out(ledger)
        self._tasks = {task.name: task.sha256 for task in plan.tasks}
        self._audited = {task.name for task in plan.tasks if task.audit in ("builtin", "passed")}
        self._guarded = guarded_lives(lives)

    def of(self, run: RunEvidence, usual: UsualRate | None = None) -> RunContext:
        """The context of one run."""
        where = run_folder(run.record)
        return RunContext(
            folder=where,
            struck=self.struck.get(where),
            task_sha256=self._tasks.get(run.record.task),
            guarded=self._guarded.get(run.record.launch_id),
            usual=usual,
            replays=run.replays,
            audited=run.record.task in self._audited,
        )


def run_folder(record: RunRecord) -> str:
    """Where a run lies, relative to the trial folder."""
    return f"{record.contender}/runs/{record.task}/{record.arm}/{record.n}"


def struck_out(ledger: Sequence[LedgerEntry]) -> dict[str, str]:
    """What the ledger strikes out -> why; what was struck out and later done again and accepted stands."""
    struck: dict[str, str] = {}
    for entry in ledger:
        subject = entry.subject.rstrip("/")
        if entry.kind in STRIKES:
            struck[subject] = entry.reason or entry.kind.value
        elif entry.kind is LedgerKind.ACCEPTED:
            struck.pop(subject, None)
    return struck


def guarded_lives(lives: Sequence[EngineLife]) -> dict[str, str]:
    """The lifetimes of a contender's engine that the guard ended -> what it saw."""
    found = {}
    for life in lives:
        stopped, guard = life.standup.stopped, life.guard
        if stopped is not None and stopped.how == "guard":
            left = f"{guard.kind}, {size(guard.available_bytes)} were available" if guard else ""
            found[life.standup.launch_id] = left or "no account of it is left"
    return found
