"""From an evidence folder to its verdict: the same bytes for the same evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from onbox.evidence.claims import Claim
from onbox.evidence.extent import plan_at_look
from onbox.evidence.records import Plan
from onbox.evidence.trial_evidence import TrialEvidence
from onbox.judge import RULES
from onbox.judge.comparison_results import Basis
from onbox.judge.results import Comparison, Verdict
from onbox.judge.rounding import rounded
from onbox.judge.runs.run_summary import RunSummary
from onbox.judge.speed.rate_comparison import rate_pairs
from onbox.judge.verdict import narrative
from onbox.judge.verdict.ability import ability_difference, task_tally
from onbox.judge.verdict.advice import would_settle
from onbox.judge.verdict.arms import compare_arms
from onbox.judge.verdict.checks import trial_checks
from onbox.judge.verdict.comparison import UNDECIDED, Rule
from onbox.judge.verdict.contenders import judge_contender
from onbox.judge.verdict.head_to_head import HeadToHead, compare
from onbox.judge.verdict.looks import E_PROCESS, level_with, looks_of, of_looks, with_evidence
from onbox.judge.verdict.pairwise import pair_table, standings
from onbox.judge.verdict.quants import of_quants, quant_table

FIXED_SUITE = "exact permutation of runs within each task, or of pairs with the same files, two-sided"
POPULATION = "exact sign-flip of whole tasks, two-sided"


def judge(
    evidence: TrialEvidence, claims: Sequence[Claim] = (), summaries: Mapping[str, Sequence[RunSummary]] | None = None
) -> Verdict:
    """Judge a trial from its evidence alone.

    Args:
        evidence: of the trial.
        claims: published rates that decode rates are held against, beside those of the evidence.
        summaries: of the planned runs of each contender, by its name, where they were made already; then of
            the evidence of runs only the records are used.
    """
    planned, known = evidence.plan, summaries or {}
    plan = plan_at_look(planned, evidence.ledger)
    evidence = replace(evidence, plan=plan)
    judged = [judge_contender(evidence, each, claims, known.get(each.plan.name)) for each in evidence.contenders]
    paid = looks_of(planned, evidence.ledger)
    rule = Rule(plan.values, paid.level, any_time=paid.rule == E_PROCESS, this_look=paid.interval_level)
    pair, arms = compare(judged, rule), compare_arms(plan, judged, rule.level_of_look)
    table = pair_table(judged, pair, rule) if pair else ()
    quants = quant_table(plan, judged, rule)
    rates = rate_pairs([contender.result for contender in judged])
    return Verdict(
        rules=RULES,
        trial=_name(plan),
        verdict=pair.verdict if pair else UNDECIDED,
        scope=pair.scope if pair else None,
        difference=ability_difference(pair.pair.runs) if pair else None,
        tasks=task_tally(pair.pair.runs) if pair else None,
        headline=narrative.headline(plan, judged, pair),
        reasons=(
            *narrative.reasons(judged, pair, rates),
            *(of_looks(paid) if pair else ()),
            *of_quants(quants, rule),
            *narrative.of_arms(arms, rule.level_of_look),
        ),
        would_settle=would_settle(plan, judged, pair, lambda runs: level_with(planned, evidence.ledger, runs)),
        contenders=tuple(contender.result for contender in judged),
        fixed_suite=fixed_suite(pair),
        population=population(pair),
        bracket=pair.bracket if pair else None,
        checks=trial_checks(plan, judged),
        runs=tuple(run.result for contender in judged for run in contender.runs),
        arms=arms,
        basis=basis_of(pair),
        values=plan.values,
        pairs=table,
        standings=standings(judged, table, rule),
        quants=quants,
        rates=rates,
        looks=with_evidence(paid, pair) if pair else None,
    )


def basis_of(pair: HeadToHead | None) -> Basis:
    """What the verdict rests on, after coverage and bracket."""
    return pair.pair.weighed.basis if pair and pair.verdict != UNDECIDED else Basis.NOTHING


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
