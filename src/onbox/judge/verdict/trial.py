"""From an evidence folder to its verdict: the same bytes for the same evidence."""

from collections.abc import Mapping, Sequence

from onbox.evidence.claims import Claim
from onbox.evidence.load import TrialEvidence
from onbox.evidence.records import Plan
from onbox.judge import RULES
from onbox.judge.results import Comparison, Verdict
from onbox.judge.rounding import rounded
from onbox.judge.runs.look import Look
from onbox.judge.verdict import narrative
from onbox.judge.verdict.ability import ability_difference, task_tally
from onbox.judge.verdict.advice import would_settle
from onbox.judge.verdict.arms import compare_arms
from onbox.judge.verdict.checks import trial_checks
from onbox.judge.verdict.comparison import UNDECIDED
from onbox.judge.verdict.contenders import judge_contender
from onbox.judge.verdict.head_to_head import HeadToHead, compare

FIXED_SUITE = "exact permutation of runs within each task, or of pairs with the same files, two-sided"
POPULATION = "exact sign-flip of whole tasks, two-sided"


def judge(
    evidence: TrialEvidence, claims: Sequence[Claim] = (), looks: Mapping[str, Sequence[Look]] | None = None
) -> Verdict:
    """Judge a trial from its evidence alone.

    Args:
        evidence: of the trial.
        claims: published rates that decode rates are held against, beside those of the evidence.
        looks: at the planned runs of each contender, by its name, where they were taken already; then of the evidence
            of runs only the records are used.
    """
    plan = evidence.plan
    known = looks or {}
    judged = [judge_contender(evidence, each, claims, known.get(each.plan.name)) for each in evidence.contenders]
    pair, arms = compare(judged), compare_arms(plan, judged)
    return Verdict(
        rules=RULES,
        trial=_name(plan),
        verdict=pair.verdict if pair else UNDECIDED,
        scope=pair.scope if pair else None,
        difference=ability_difference(pair.pair.runs) if pair else None,
        tasks=task_tally(pair.pair.runs) if pair else None,
        headline=narrative.headline(plan, judged, pair),
        reasons=(*narrative.reasons(judged, pair), *narrative.of_arms(arms)),
        would_settle=would_settle(plan, judged, pair),
        contenders=tuple(contender.result for contender in judged),
        fixed_suite=fixed_suite(pair),
        population=population(pair),
        bracket=pair.bracket if pair else None,
        checks=trial_checks(plan, judged),
        runs=tuple(run.result for contender in judged for run in contender.runs),
        arms=arms,
    )


def _name(plan: Plan) -> str:
    """Who met whom, and when: from the plan, so that a folder may be moved without a change of its verdict."""
    return f"{' against '.join(contender.name for contender in plan.contenders)}, {plan.created_at[:10]}"


def fixed_suite(pair: HeadToHead | None) -> Comparison:
    """Whether the difference is chance, on these tasks."""
    if pair is None:
        return Comparison(p=None, method=FIXED_SUITE, detail="There is nothing to compare.")
    detail = f"Adjusted for {pair.challengers} challengers (Holm)." if pair.challengers > 1 else ""
    return Comparison(p=None if pair.p is None else rounded(pair.p), method=FIXED_SUITE, detail=detail)


def population(pair: HeadToHead | None) -> Comparison:
    """Whether the difference is chance, for tasks like these."""
    if pair is None:
        return Comparison(p=None, method=POPULATION, detail="There is nothing to compare.")
    smallest = 2 / 2**pair.tasks if pair.tasks else 1.0
    detail = f"The smallest p that {pair.tasks} tasks can give is {smallest:.2g}."
    p = None if pair.population_p is None else rounded(pair.population_p)
    return Comparison(p=p, method=POPULATION, detail=detail)
