"""How often the question was looked at, and what p must be below for it: each look is a chance to be wrong."""

from collections.abc import Sequence

from onbox.evidence.extent import looks_asked, looks_made, next_look
from onbox.evidence.records import LedgerEntry, LedgerKind, Plan
from onbox.judge import thresholds as limit
from onbox.judge.boundaries import levels, obrien_fleming
from onbox.judge.comparison_results import InterimLook, InterimLooks
from onbox.judge.rounding import rounded
from onbox.judge.verdict.comparison import any_time_p
from onbox.judge.verdict.head_to_head import HeadToHead
from onbox.schema.units import count, several

ONE_LOOK, E_PROCESS = "one look", "e-process"
UNPLANNED = 0.005
"""Spent by the first look or trial that no plan had; each further one spends half as much, so all of them 0.01."""


def looks_of(plan: Plan, ledger: Sequence[LedgerEntry]) -> InterimLooks:
    """The looks up to the one that is due, with the level of each.

    The plan's looks spend 5 percent. A look beyond the plan (an extension), and a trial that asks again what another
    beside it asked, spend what is said above: the 5 percent are gone by then. An e-process holds at any look, so only
    intervals pay for it there.
    """
    before = sum(each.looks for each in plan.forerunners)
    alpha = limit.P_MAX if not before else UNPLANNED / 2 ** (before - 1)
    now, planned = next_look(plan, ledger), plan.looks or (plan.runs,)
    due = [look for look in looks_asked(plan, ledger) if look <= now]
    # A look beyond the plan counts from when it was taken; so does the plan's own end that an extension followed.
    runs = sorted({*due, *(look for look in looks_made(ledger) if look <= now)})
    spent, sum_spent, beyond = [], 0.0, before
    for look in runs:
        if look in planned:
            share = obrien_fleming(look / planned[-1], alpha) if plan.looks else alpha
            spent.append(share - sum_spent)
            sum_spent = share
        else:
            beyond += 1
            spent.append(UNPLANNED / 2 ** (beyond - 1))
    rule = plan.spending if plan.looks else ONE_LOOK
    of_intervals = [rounded(level) for level in levels(runs, spent)]
    of_tests = [rounded(alpha)] * len(runs) if rule == E_PROCESS else of_intervals
    made = [
        InterimLook(runs=look, level=level, planned=look in planned) for look, level in zip(runs, of_tests, strict=True)
    ]
    extra = 2 * UNPLANNED * (1 - 0.5 ** (before if rule == E_PROCESS else beyond))
    return InterimLooks(
        rule=rule,
        made=tuple(made),
        planned=planned if plan.looks else (),
        level=of_tests[-1],
        interval_level=of_intervals[-1],
        error_bound=rounded(limit.P_MAX + extra),
        forerunners=tuple(each.name for each in plan.forerunners),
    )


def level_with(plan: Plan, ledger: Sequence[LedgerEntry], runs: int) -> float:
    """What p of a test that does not hold at any time would have to be below with so many runs of each task: at a look
    of the plan, or one beyond it."""
    if plan.looks and runs <= plan.looks[-1]:
        due = next(look for look in plan.looks if look >= runs)
        entry = LedgerEntry(at="", kind=LedgerKind.LOOKED, subject=".", runs=due)
    else:
        entry = LedgerEntry(at="", kind=LedgerKind.EXTENDED, subject=".", runs=runs)
    return looks_of(plan, [*ledger, entry]).interval_level


def with_evidence(looks: InterimLooks, pair: HeadToHead) -> InterimLooks:
    """With the evidence that holds at any time, where the plan decides by it."""
    p = any_time_p(pair.pair.runs) if looks.rule == E_PROCESS else None
    return looks if p is None else looks.model_copy(update={"e_value": rounded(1 / p)})


def of_looks(looks: InterimLooks) -> list[str]:
    """What the looks cost, in sentences; nothing where there was one look that was planned, and no forerunner."""
    found = []
    if looks.planned:
        at = several([str(each.runs) for each in looks.made])
        how = (
            f"a test that holds at any time decides, with p below {looks.level:.2g}"
            if looks.rule == E_PROCESS
            else f"so that all together err in 5 of 100 trials (O'Brien and Fleming), p must be below {looks.level:.2g}"
        )
        found.append(f"It was judged after {at} of at most {count(looks.planned[-1], 'run')} of each task; {how}.")
    late = [each for each in looks.made if not each.planned]
    if late and looks.rule == E_PROCESS:
        found.append("More runs were asked for after it had been judged, which the test that decides allows for.")
    elif late:
        found.append(
            f"More runs were asked for after it had been judged: p must be below {looks.level:.2g} now, and all looks "
            f"together err in up to {100 * looks.error_bound:.2g} of 100 trials."
        )
    if looks.forerunners:
        found.append(
            f"{several(list(looks.forerunners))} asked the same before: p must be below {looks.level:.2g} here, so "
            f"that all of them together err in up to {100 * looks.error_bound:.2g} of 100."
        )
    return found
