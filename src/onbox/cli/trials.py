"""What `trial`, `bench` and `speed` share: make or reopen a folder, carry the plan out, finish it."""

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from onbox import __version__
from onbox.bench.sandbox import Sandbox
from onbox.bench.tasks import Task
from onbox.cli.signals import terminable
from onbox.errors import GuardStop, Interrupted, OnboxError
from onbox.evidence.claims import Claim, Claims, written
from onbox.evidence.folder import TrialFolder, write_atomic, write_json
from onbox.evidence.records import LedgerKind, Plan
from onbox.judge.results import Verdict
from onbox.published import published
from onbox.trial.asked import Asked


def new_folder(
    asked: Asked, out: Path | None, *, unsafe: bool, claims: Sequence[Claim] = (), audit: bool = True
) -> TrialFolder:
    """Freeze a plan in a new folder, with the box's fingerprint and the published rates of this day beside it.

    Args:
        asked: by the user.
        out: the folder; None for the usual place.
        unsafe: whether commands may run without a sandbox.
        claims: the user's published rates; one with the name of another takes its place.
        audit: whether the user's own tasks must pass their audit first.

    Raises:
        OnboxError: something that was asked for is wrong, or this box cannot do it.
    """
    from onbox import box
    from onbox.bench.sandbox.choose import choose
    from onbox.trial.plan import make_plan

    tier = choose(unsafe=unsafe) if asked.bench else None
    sandbox = tier.name if tier else "not needed"
    plan, tasks = make_plan(asked, sandbox=sandbox, read_gb_s=None)
    if tier and tasks:
        asked = _fit_for_scoring(asked, plan, tasks, tier, audit=audit)
    fingerprint = box.describe()
    plan, _ = make_plan(
        asked, sandbox=sandbox, read_gb_s=fingerprint.bandwidth.read_gb_s if fingerprint.bandwidth else None
    )
    folder = TrialFolder.create(out or _default_folder(plan.kind), plan)
    write_json(folder.path / "box.json", {"onbox_version": __version__, **fingerprint.as_dict()})
    named = {claim.name: claim for claim in (*published().claims, *claims)}
    write_atomic(folder.path / "claims.yaml", written(Claims(claims=tuple(named.values()))))
    return folder


def _fit_for_scoring(asked: Asked, plan: Plan, tasks: list[Task], sandbox: Sandbox, *, audit: bool) -> Asked:
    """Leave out what cannot be done here, and audit the user's own tasks; what is asked for then.

    Raises:
        BadSubjectError: a gate cannot be trusted.
        BoxError: no task is left, or one needs what this box has not.
    """
    from onbox.bench.audit.admission import admit, without_missing
    from onbox.cli.output import err

    progress = err()
    left = without_missing(tasks, sandbox, lambda words: progress.print(words, markup=False))
    if len(left) < len(tasks):
        asked = replace(asked, task_names=[task.name for task in left])
    if plan.tasks_from == "builtin":
        return replace(asked, audit="builtin")
    if not audit:
        return replace(asked, audit="not asked")
    admit(left, sandbox, lambda name: progress.print(f"auditing the gate of {name}", markup=False))
    return replace(asked, audit="passed")


@dataclass(frozen=True)
class Done:
    """What became of a plan.

    Args:
        verdict: of what there is.
        failures: why contenders were not carried out to their end.
    """

    verdict: Verdict
    failures: tuple[OnboxError, ...]

    def complain(self) -> None:
        """Do nothing where all was carried out; the guard's word goes before that of others.

        Raises:
            OnboxError: the failure that gives the exit code.
        """
        for failure in sorted(self.failures, key=lambda error: not isinstance(error, GuardStop)):
            raise failure


def carry_out(folder: TrialFolder, *, resumed: bool = False, ray: str | None = None) -> Done:
    """Do what the plan says and is not done yet, showing it; then judge, report and seal.

    Args:
        folder: with its frozen plan.
        resumed: whether the trial was begun earlier.
        ray: address of a cluster, in the place of the plan's; empty: this box alone.

    Raises:
        UsageError: another onbox works on it.
        Interrupted: the user stopped it; the message has the line that goes on.
    """
    from onbox.cli.finish import finish
    from onbox.cli.live import make_view
    from onbox.cli.looking import Judging
    from onbox.evidence.lock import locked
    from onbox.trial.run import Trial

    with locked(folder.path), terminable():
        try:
            with make_view(sys.stderr.isatty()) as view:
                trial = Trial(folder, view.show, Judging(), ray)
                # Only now: a trial that is refused, because its agent is another one now, stays as it is.
                if resumed:
                    folder.mend_ledger()
                    folder.note(LedgerKind.RESUMED, ".")
                    set_invalid_aside(folder)
                trial.carry_out()
            return Done(finish(folder), tuple(trial.failures))
        except KeyboardInterrupt as interrupt:
            go_on = f"onbox trial --resume {shlex.quote(str(folder.path))}"
            raise Interrupted("interrupted; what was finished is kept", go_on) from interrupt


def set_invalid_aside(folder: TrialFolder) -> int:
    """Make room for the invalid runs to be done again, twice at most; return how many there are.

    Only what the model can not have caused is invalid, so doing it again chooses no outcome.
    """
    from onbox.cli.looking import Judging
    from onbox.judge.results import Outcome

    moved, judging = 0, Judging()
    for contender in folder.plan().contenders:
        for record in folder.runs(contender.name):
            outcome, code = judging.run(folder, record)
            if outcome == Outcome.INVALID:
                moved += folder.set_aside(record, f"invalid, {code}: done again")
    return moved


def _default_folder(kind: str) -> Path:
    """`trials/KIND-DATE-TIME` below the working folder."""
    name = f"{kind}-{datetime.now():%Y%m%d-%H%M%S}"
    path = Path("trials") / name
    return path if not path.exists() else path.with_name(f"{name}-{os.getpid()}")
