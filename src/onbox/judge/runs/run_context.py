"""What is known of a run beside its own record: the plan, the ledger, the guard, the server's usual rate."""

from dataclasses import dataclass

from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import Exchange, GuardStopped, LedgerKind, Plan, RunRecord, StandUp

STRIKES = (LedgerKind.DISCARDED, LedgerKind.INVALIDATED)


@dataclass(frozen=True)
class RunContext:
    """What is known of one run beside its record.

    Args:
        folder: where it lies, relative to the trial folder.
        struck: why the ledger struck it out; None when it stands.
        task_sha256: of the task in the plan; a run of other files is invalid. None: not compared.
        guarded: what the guard saw when it stopped the engine of this run, in words; None when it did not.
        calibrated_tok_s: the server's usual rate; None when it is not known.
        replays: the run's last request, sent again.
    """

    folder: str = ""
    struck: str | None = None
    task_sha256: str | None = None
    guarded: str | None = None
    calibrated_tok_s: float | None = None
    replays: tuple[Exchange, ...] = ()


NOTHING_KNOWN = RunContext()


class TrialContext:
    """What is known of all runs of one contender beside their records, read once.

    Args:
        folder: of the trial.
        plan: of the trial.
        contender: its name.
    """

    def __init__(self, folder: TrialFolder, plan: Plan, contender: str) -> None:
        self.struck = struck_out(folder)
        self._folder = folder
        self._tasks = {task.name: task.sha256 for task in plan.tasks}
        self._guarded = guarded_lives(folder, contender)

    def of(self, record: RunRecord, calibrated_tok_s: float | None = None) -> RunContext:
        """The context of one run."""
        path = self._folder.run_folder(record.contender, record.task, record.arm, record.n)
        where = path.relative_to(self._folder.path).as_posix()
        return RunContext(
            folder=where,
            struck=self.struck.get(where),
            task_sha256=self._tasks.get(record.task),
            guarded=self._guarded.get(record.launch_id),
            calibrated_tok_s=calibrated_tok_s,
            replays=tuple(self._folder.exchanges(path / "replay.jsonl")) if record.replay else (),
        )


def struck_out(folder: TrialFolder) -> dict[str, str]:
    """What the ledger strikes out -> why; what was struck out and later done again and accepted stands."""
    struck: dict[str, str] = {}
    for entry in folder.ledger():
        subject = entry.subject.rstrip("/")
        if entry.kind in STRIKES:
            struck[subject] = entry.reason or entry.kind.value
        elif entry.kind is LedgerKind.ACCEPTED:
            struck.pop(subject, None)
    return struck


def guarded_lives(folder: TrialFolder, contender: str) -> dict[str, str]:
    """The lifetimes of a contender's engine that the guard ended -> what it saw."""
    found = {}
    home = folder.contender(contender)
    for path in sorted([*home.glob("standup*/phases.json"), *home.glob("nodes/*/standup*/phases.json")]):
        life = folder.read(StandUp, path)
        if life.stopped is not None and life.stopped.how == "guard":
            seen = folder.read_if_there(GuardStopped, path.with_name("guard.json"))
            left = f"{seen.kind}, {seen.available_bytes / 1e9:.1f} GB were available" if seen else ""
            found[life.launch_id] = left or "no account of it is left"
    return found
