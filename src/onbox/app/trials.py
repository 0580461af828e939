"""Plan a trial into a new folder, carry it out or go on with it, judge and seal it."""

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from onbox import __version__
from onbox.app.forerunners import forerunners_of
from onbox.app.live_judge import LiveJudge
from onbox.app.more_runs import check_more, extend
from onbox.app.sealing import open_seal, seal
from onbox.atomic_files import write_atomic, write_json
from onbox.bench.sandbox import Sandbox
from onbox.bench.tasks import Task
from onbox.errors import GuardStop, Interrupted, OnboxError
from onbox.evidence.claims import Claim, Claims
from onbox.evidence.claims_file import written
from onbox.evidence.extent import looks_asked, looks_made, runs_asked
from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import load_trial
from onbox.evidence.records import LedgerKind, OmittedTask, Plan
from onbox.judge.results import Verdict
from onbox.judge.verdict.comparison import UNDECIDED
from onbox.judge.verdict.trial import judge
from onbox.published import published
from onbox.trial import events
from onbox.trial.spec import TrialSpec, values_of

if TYPE_CHECKING:
    from onbox.trial.runner import TrialRunner

__all__ = ["TrialResult", "TrialSpec", "plan_trial", "run_trial", "set_invalid_aside", "values_of"]


def plan_trial(
    spec: TrialSpec,
    out: Path | str | None = None,
    *,
    unsafe: bool = False,
    claims: Sequence[Claim] = (),
    audit: bool = True,
    tell: Callable[[str], None] = lambda text: None,
) -> TrialFolder:
    """Freeze a plan in a new folder, with the box's fingerprint and the published rates of this day in it.

    Args:
        spec: what the trial is to do.
        out: the folder; None for `trials/KIND-DATE-TIME` below the working folder.
        unsafe: whether commands may run without a sandbox where none works.
        claims: the user's published rates; one with the name of another takes its place.
        audit: whether the user's own tasks must pass their audit first.
        tell: called with a line for each thing that takes time.

    Raises:
        UsageError: an unknown contender, task or field, a malformed file, or a folder that is not empty.
        BadSubjectError: the gate of a task cannot be trusted.
        BoxError: this box cannot do it: no engine, no sandbox.
    """
    from onbox import box
    from onbox.bench.sandbox.choose import choose
    from onbox.trial.plan import make_plan

    tier = choose(unsafe=unsafe) if spec.bench else None
    sandbox = tier.name if tier else "not needed"
    plan, tasks = make_plan(spec, sandbox=sandbox, read_gb_s=None)
    if tier and tasks:
        spec = _fit_for_scoring(spec, plan, tasks, tier, audit=audit, tell=tell)
    # The expected time needs it too, and there is none if the weights of a contender are not known.
    needs_bandwidth = plan.speed is not None or all(each.recipe and each.recipe.weights for each in plan.contenders)
    fingerprint = box.describe(measure=needs_bandwidth)
    plan, _ = make_plan(
        spec, sandbox=sandbox, read_gb_s=fingerprint.bandwidth.read_gb_s if fingerprint.bandwidth else None
    )
    place = Path(out) if out else _default_folder(plan.kind)
    plan = plan.model_copy(update={"forerunners": forerunners_of(plan, place)})
    for each in plan.forerunners:
        tell(f"{each.name} asked the same question before ({each.verdict}): this trial must show more to count")
    folder = TrialFolder.create(place, plan)
    write_json(folder.path / "box.json", {"onbox_version": __version__, **fingerprint.as_dict()})
    named = {claim.name: claim for claim in (*published().claims, *claims)}
    write_atomic(folder.path / "claims.yaml", written(Claims(claims=tuple(named.values()))))
    return folder


def _fit_for_scoring(
    spec: TrialSpec,
    plan: Plan,
    tasks: list[Task],
    sandbox: Sandbox,
    *,
    audit: bool,
    tell: Callable[[str], None],
) -> TrialSpec:
    """Leave out what cannot be done here, and audit the user's own tasks; the spec of what is left.

    Raises:
        BadSubjectError: a gate cannot be trusted.
        BoxError: no task is left, or one needs what this box has not.
    """
    from onbox.bench.audit.admission import admit, fit

    left_out = [*plan.left_out]
    left = fit(
        tasks,
        sandbox,
        lambda name, why: left_out.append(OmittedTask(name=name, why=why.message)),
        network=None if plan.tasks_from == "builtin" else plan.network,
    )
    for task in left_out:
        tell(f"{task.name}: left out: {task.why.removeprefix(f'{task.name}: ')}")
    if networked := frozenset(task.name for task in left if task.network):
        tell(f"with the network, as --network asks: the gates of {', '.join(sorted(networked))}")
        spec = spec.model_copy(update={"networked": networked})
    if left_out:
        names = tuple(task.name for task in left)
        spec = spec.model_copy(update={"task_names": names, "left_out": tuple(left_out)})
    if plan.tasks_from == "builtin":
        return spec.model_copy(update={"audit": "builtin"})
    if not audit:
        return spec.model_copy(update={"audit": "not asked"})
    admit(left, sandbox, lambda name: tell(f"auditing the gate of {name}"))
    return spec.model_copy(update={"audit": "passed"})


@dataclass(frozen=True)
class TrialResult:
    """What became of a plan.

    Args:
        folder: the trial's.
        verdict: of the evidence there is.
        failures: why contenders were not carried out to their end.
    """

    folder: Path
    verdict: Verdict
    failures: tuple[OnboxError, ...]

    def check(self) -> None:
        """Do nothing where all was carried out; a stop by the guard goes before other failures.

        Raises:
            OnboxError: the failure that gives the exit code.
        """
        for failure in sorted(self.failures, key=lambda error: not isinstance(error, GuardStop)):
            raise failure


def run_trial(
    folder: TrialFolder | Path | str,
    *,
    show: Callable[[events.Event], None] = lambda event: None,
    resume: bool = False,
    ray: str | None = None,
    runs: int | None = None,
) -> TrialResult:
    """Do what the plan in a folder says and is not done yet; then judge, report and seal.

    A plan with looks is judged at each, and ended at the first verdict that is not undecided.

    Args:
        folder: with its frozen plan, as `plan_trial` made it.
        show: called with each event, in the caller's thread or the proxy's, one at a time.
        resume: whether the trial was begun earlier; its invalid runs are done again, twice at most.
        ray: address of a cluster, in place of the plan's; empty: this box alone.
        runs: of each task, more than were asked for so far; the ledger keeps that they were asked for after a look.

    Raises:
        UsageError: another onbox works on it, `runs` is not more, or its tasks or its agent have changed since.
        BadSubjectError: it was sealed, and its evidence has changed since.
        Interrupted: the user stopped it; its next step is the line that goes on.
    """
    from onbox.evidence.lock import locked
    from onbox.trial.runner import TrialRunner

    opened = folder if isinstance(folder, TrialFolder) else TrialFolder.open(Path(folder))
    with locked(opened.path):
        try:
            if runs is not None:
                check_more(opened, runs)
            trial = TrialRunner(opened, show, LiveJudge(), ray)
            # Only now: a trial that is refused, because its agent is another one now, stays as it is.
            if resume:
                opened.mend_ledger()
                opened.note(LedgerKind.RESUMED, ".", sha256=open_seal(opened))
                set_invalid_aside(opened)
            if runs is not None:
                extend(opened, runs)
                trial = TrialRunner(opened, show, LiveJudge(), ray)
            _until_settled(opened, trial)
            return TrialResult(opened.path, seal(opened), tuple(trial.failures))
        except KeyboardInterrupt as interrupt:
            go_on = f"onbox trial --resume {shlex.quote(str(opened.path))}"
            raise Interrupted("interrupted; what was finished is kept", go_on) from interrupt


def _until_settled(folder: TrialFolder, trial: "TrialRunner") -> None:
    """Carry a plan out look by look, up to the one that settles it; each look is in the ledger before it is judged."""
    plan = folder.plan()
    for runs in looks_asked(plan, folder.ledger()):
        trial.carry_out(runs)
        if trial.failures or not plan.tasks:
            return
        ledger = folder.ledger()
        if runs not in looks_made(ledger):
            folder.note(LedgerKind.LOOKED, ".", f"after {runs} runs of each task", runs=runs)
        last = runs == runs_asked(plan, ledger)
        if not last and runs_asked(plan, ledger) == plan.runs and judge(load_trial(folder)).verdict != UNDECIDED:
            return


def set_invalid_aside(folder: TrialFolder) -> int:
    """Make room for the invalid runs to be done again, twice at most; return how many there are.

    Only what the model can not have caused is invalid, so doing it again chooses no outcome.
    """
    from onbox.judge.results import Outcome

    moved, outcome_judge = 0, LiveJudge()
    for contender in folder.plan().contenders:
        for record in folder.runs(contender.name):
            outcome, code = outcome_judge.run(folder, record)
            if outcome == Outcome.INVALID:
                moved += folder.set_aside(record, f"invalid, {code}: done again")
    return moved


def _default_folder(kind: str) -> Path:
    """`trials/KIND-DATE-TIME` below the working folder."""
    name = f"{kind}-{datetime.now():%Y%m%d-%H%M%S}"
    path = Path("trials") / name
    return path if not path.exists() else path.with_name(f"{name}-{os.getpid()}")
