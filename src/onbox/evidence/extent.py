"""How many runs a trial is about: what its plan asks for, what was asked for later, and what was looked at."""

from collections.abc import Sequence

from onbox.evidence.records import LedgerEntry, LedgerKind, Plan


def runs_asked(plan: Plan, ledger: Sequence[LedgerEntry]) -> int:
    """Runs of each task that the plan asks for, or an extension of it."""
    extended = [entry.runs for entry in ledger if entry.kind is LedgerKind.EXTENDED and entry.runs is not None]
    return max([plan.runs, *extended])


def plan_at_look(plan: Plan, ledger: Sequence[LedgerEntry]) -> Plan:
    """The plan with the runs that the verdict is about; see `next_look`."""
    return plan.model_copy(update={"runs": next_look(plan, ledger)})


def looks_made(ledger: Sequence[LedgerEntry]) -> tuple[int, ...]:
    """Runs of each task at each look that was taken, ascending; a second look at the same runs is none."""
    return tuple(sorted({entry.runs for entry in ledger if entry.kind is LedgerKind.LOOKED and entry.runs is not None}))


def looks_asked(plan: Plan, ledger: Sequence[LedgerEntry]) -> tuple[int, ...]:
    """Runs of each task at every look of the plan and of its extensions, ascending."""
    return tuple(sorted({*(plan.looks or (plan.runs,)), runs_asked(plan, ledger)}))


def next_look(plan: Plan, ledger: Sequence[LedgerEntry]) -> int:
    """Runs of each task that the verdict is about: up to the last look that was taken, or the one that is under way.

    Runs beyond it are there when a trial was broken off between two looks; they count from the next look on.
    """
    planned, made = looks_asked(plan, ledger), looks_made(ledger)
    if not plan.looks:
        return planned[-1]
    extended = runs_asked(plan, ledger)
    if extended > plan.runs:
        return extended
    return max((look for look in made if look in planned), default=planned[0])
