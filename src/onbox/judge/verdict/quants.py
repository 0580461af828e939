"""Quants of one model beside the largest of them: what is lost, and what it is lost for."""

from collections.abc import Sequence
from dataclasses import replace

from onbox.evidence.records import Plan, QuantPlan
from onbox.judge.comparison_results import Ability, QuantRow
from onbox.judge.rounding import rounded, rounded_pair
from onbox.judge.statistics import holm
from onbox.judge.verdict.comparison import Pair, Rule, as_observed
from onbox.judge.verdict.contenders import JudgedContender
from onbox.judge.verdict.pairing import TaskPair, TaskPairs
from onbox.schema.units import count, p_value, percent

LARGEST, LOSS, GAIN, NO_LOSS, OPEN = "largest", "loss", "gain", "no loss within the margin", "open"
SAID = {
    Ability.WORSE: LOSS,
    Ability.BETTER: GAIN,
    Ability.EQUAL: NO_LOSS,
    Ability.NO_WORSE: NO_LOSS,
}


def quant_table(plan: Plan, judged: Sequence[JudgedContender], rule: Rule) -> tuple[QuantRow, ...]:
    """A row for each quant, the largest first; none where the plan compares no quants.

    Runs of one number are pairs: the same model, the same task and files, the same seed.
    """
    by_name = {each.result.name: each for each in judged}
    if not plan.quants or not judged:
        return ()
    largest, *others = [by_name[quant.name] for quant in plan.quants if quant.name in by_name]
    facts = {quant.name: quant for quant in plan.quants}
    runs = [_paired(largest, other) for other in others]
    known = iter(holm([each.suite_p for each in runs if each.suite_p is not None]))
    fixed = replace(rule, level=rule.level_of_look, any_time=False)
    rows = [_row(facts[largest.result.name], largest, None)]
    for other, each in zip(others, runs, strict=True):
        p = None if each.suite_p is None else next(known)
        pair = Pair(each, p, None, largest.facts, other.facts, fixed, len(others))
        rows.append(_row(facts[other.result.name], other, pair))
    return tuple(rows)


def _paired(largest: JudgedContender, other: JudgedContender) -> TaskPairs:
    old, new = as_observed(largest).tasks, as_observed(other).tasks
    return TaskPairs(
        tuple(
            TaskPair(task, tuple(runs), tuple(new[task]), same_model=True)
            for task, runs in old.items()
            if runs and new.get(task)
        )
    )


def _row(quant: QuantPlan, judged: JudgedContender, pair: Pair | None) -> QuantRow:
    result, speed = judged.result, judged.result.speed
    ends = [ends for task in pair.runs.tasks for ends in task.pairs] if pair else []
    confidence = 1 - pair.each if pair else 0.95
    interval = pair.runs.bounds(confidence) if pair else None
    return QuantRow(
        name=result.name,
        bytes=quant.bytes,
        bits_per_weight=quant.bits_per_weight,
        types=quant.types,
        passed=result.passed,
        valid=result.valid,
        loss=rounded(float(-pair.runs.difference)) if pair and pair.runs.tasks else None,
        loss_interval=rounded_pair((-interval[1], -interval[0])) if interval else None,
        lost=ends.count((True, False)),
        won=ends.count((False, True)),
        p=rounded(pair.p) if pair and pair.p is not None and any(old != new for old, new in ends) else None,
        said=LARGEST if pair is None else SAID.get(pair.weighed.ability, OPEN),
        time_ratio=rounded(pair.time.ratio) if pair and pair.time else None,
        time_interval=rounded_pair(pair.time.interval(confidence)) if pair and pair.time else None,
        confidence=rounded(confidence),
        decode_tok_s=speed.decode_tok_s if speed else None,
        decode_interval=speed.interval if speed else None,
        memory_bytes=judged.facts.memory_bytes,
        sees=judged.facts.sees,
    )


def of_quants(rows: Sequence[QuantRow], rule: Rule) -> list[str]:
    """One sentence for each quant but the largest."""
    found = []
    margin = percent(rule.values.ability_margin).removesuffix(" %")
    for row in rows[1:]:
        pairs = f"{count(row.lost, 'pair')} lost, {row.won} won"
        chance = f", {p_value(row.p)}" if row.p is not None else ""
        ruling = {
            LOSS: "loses ability",
            GAIN: "does better",
            NO_LOSS: f"loses nothing within {margin} points",
        }.get(row.said, "may lose something or nothing")
        more = "" if row.said in (LOSS, GAIN, NO_LOSS) else ": more runs would show which"
        found.append(f"{row.name} {ruling} against {rows[0].name} ({pairs}{chance}){more}.")
    return found
