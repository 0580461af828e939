"""Gates and attribution of a trial again, without the engine."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from onbox import __version__
from onbox.app.sealing import broken_seal, in_words, seal
from onbox.atomic_files import utc_now
from onbox.bench.instances import Instances
from onbox.bench.regrade import Regrader
from onbox.bench.sandbox import Sandbox
from onbox.bench.sandbox.choose import VARIABLE, by_name, choose
from onbox.evidence.folder import TrialFolder, append_line
from onbox.evidence.load import load_lives, load_run
from onbox.evidence.lock import locked
from onbox.evidence.manifest import is_sealed
from onbox.evidence.records import LedgerKind, Plan, Regrade, RegradedRun
from onbox.judge.results import Outcome
from onbox.judge.runs.attribution import attribute
from onbox.judge.runs.codes import CODES
from onbox.judge.runs.run_context import TrialContext
from onbox.scratch import scratch_folder
from onbox.trial.plan import tasks_now


@dataclass(frozen=True)
class RegradeResult:
    """What became of the runs.

    Args:
        path: the file that the record was added to.
        runs: all that have a gate.
    """

    path: Path
    runs: tuple[RegradedRun, ...]

    @property
    def changed(self) -> tuple[RegradedRun, ...]:
        """Runs whose code or gate is another now."""
        return tuple(run for run in self.runs if run.code_was != run.code_now or _gate_changed(run))

    @property
    def other_outcome(self) -> tuple[RegradedRun, ...]:
        """Runs that end otherwise now: passed where they failed, or the other way round."""
        return tuple(run for run in self.runs if _outcome(run.code_was) is not _outcome(run.code_now))

    @property
    def not_run(self) -> tuple[RegradedRun, ...]:
        """Runs whose gate could not be run again."""
        return tuple(run for run in self.runs if run.now is None)


def regrade_trial(
    folder: Path | str, *, unsafe: bool = False, tell: Callable[[str], None] = lambda text: None
) -> RegradeResult:
    """Rebuild what each agent left, and let the gates, as they are now, judge it again.

    The evidence stays as it is: the record is added to `regrade.jsonl`.

    Args:
        folder: of the trial.
        unsafe: run gates without a sandbox where none works.
        tell: called with a line for each run.

    Raises:
        UsageError: it is no trial, a task is gone, or another onbox works on it.
        BoxError: no sandbox works here.
    """
    trial = TrialFolder.open(Path(folder))
    tasks = {task.name: task for task in tasks_now(trial.plan())}
    sandbox = _sandbox(trial.plan(), any(task.needs_docker for task in tasks.values()), unsafe=unsafe)
    with locked(trial.path), scratch_folder("instances") as scratch:
        sealed, changed = is_sealed(trial.path), broken_seal(trial)
        runs = _regrade(trial, Regrader(tasks, Instances(scratch, sandbox), sandbox), tell)
        result = RegradeResult(trial.path / "regrade.jsonl", runs)
        hashes = {name: task.sha256 for name, task in tasks.items()}
        record = Regrade(at=utc_now(), onbox_version=__version__, sandbox=sandbox.name, tasks=hashes, runs=runs)
        append_line(result.path, record)
        trial.note(LedgerKind.REGRADED, result.path.name, f"{len(result.changed)} of {len(runs)} runs changed")
        if changed:
            tell(f"not sealed again, because the evidence has changed: {in_words(changed)}")
        elif sealed:
            seal(trial)
    return result


def run_name(run: RegradedRun) -> str:
    """A run in one line."""
    return f"{run.contender} {run.task} ({run.arm}) {run.n}"


def _sandbox(plan: Plan, images: bool, *, unsafe: bool) -> Sandbox:
    """Where gates run: the best tier here, or that of the plan where tasks have images of their own.

    The tier that the environment names comes first.
    """
    return by_name(plan.sandbox) if images and VARIABLE not in os.environ else choose(unsafe=unsafe)


def _regrade(trial: TrialFolder, regrader: Regrader, tell: Callable[[str], None]) -> tuple[RegradedRun, ...]:
    """Every finished run of every contender, one after the other."""
    plan, found = trial.plan(), []
    for contender in plan.contenders:
        context = TrialContext(plan, trial.ledger(), load_lives(trial, contender.name))
        for run in trial.runs(contender.name):
            if run.gate is None:
                continue
            where = trial.run_folder(contender.name, run.task, run.arm, run.n)
            now, why = regrader.gate(run, where)
            evidence = load_run(trial, run)
            exchanges, known = evidence.exchanges, context.of(evidence)
            again = run if now is None else run.model_copy(update={"gate": now})
            regraded = RegradedRun(
                contender=contender.name,
                task=run.task,
                arm=run.arm,
                n=run.n,
                was=run.gate,
                now=now,
                why=why,
                code_was=attribute(run, exchanges, known).code,
                code_now=attribute(again, exchanges, known).code,
            )
            found.append(regraded)
            tell(f"{run_name(regraded)}: {regraded.code_was} -> {regraded.code_now}")
    return tuple(found)


def _outcome(code: str) -> Outcome | None:
    return CODES[code].outcome if code in CODES else None


def _gate_changed(run: RegradedRun) -> bool:
    return run.now is not None and run.now.exit_code != run.was.exit_code
