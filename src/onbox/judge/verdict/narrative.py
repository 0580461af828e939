"""The verdict in sentences: what it is, why, and what would make it surer."""

from collections.abc import Sequence

from onbox.evidence.records import Plan
from onbox.judge import thresholds as limit
from onbox.judge.comparison_results import Basis
from onbox.judge.formatting import OF_KERNELS, passes
from onbox.judge.rates import RatePair
from onbox.judge.results import ArmResult, ContenderResult, Outcome, Validity
from onbox.judge.speed.measurement import KERNELS
from onbox.judge.speed.rate_comparison import in_words
from onbox.judge.verdict import values_narrative
from onbox.judge.verdict.advice import unserved
from onbox.judge.verdict.comparison import KEEP, SWITCH, UNDECIDED
from onbox.judge.verdict.contenders import JudgedContender
from onbox.judge.verdict.head_to_head import HeadToHead
from onbox.judge.verdict.scope import TASKS_LIKE_THESE, THESE_TASKS, scope_of, tally_words, these
from onbox.schema.units import count, p_value, percent, plus_minus, several


def headline(plan: Plan, judged: Sequence[JudgedContender], pair: HeadToHead | None) -> str:
    """One sentence for people; a bare `Switch` or `Keep` is for tasks like these too."""
    if pair is None:
        return _alone(plan, judged)
    old, new = pair.incumbent.result, pair.challenger.result
    scores = f"{new.name} passes {passes(new.passed, new.valid)} where {old.name} passes {old.passed} of {old.valid}"
    tally, basis = pair.pair.runs.tally, pair.pair.weighed.basis
    if pair.verdict != UNDECIDED and basis is not Basis.ABILITY:
        return values_narrative.headline(pair, scores)
    if pair.verdict == SWITCH and pair.scope == THESE_TASKS:
        return f"Switch to {new.name}, for {these(pair.tasks)}: {tally_words(tally)}; {scores}."
    if pair.verdict == KEEP and pair.scope == THESE_TASKS:
        return f"Keep {old.name}, for {these(pair.tasks)}: {new.name} is {tally_words(tally)}; {scores}."
    if pair.verdict == SWITCH:
        return f"Switch to {new.name}: {scores}."
    if pair.verdict == KEEP:
        return f"Keep {old.name}: {scores}."
    return f"Undecided: {scores}{values_narrative.faster(pair)}."


def reasons(
    judged: Sequence[JudgedContender], pair: HeadToHead | None, rates: Sequence[RatePair] = ()
) -> tuple[str, ...]:
    """Why the verdict is what it is, the weightiest first."""
    found = [] if pair is None else [*_of_rule(pair), *_of_doubt(pair), *_of_population(pair)]
    for contender in judged:
        found += _of_serving(contender)
    found += [*_of_concurrent_runs(judged), *_of_speed([contender.result for contender in judged], rates)]
    return tuple(found)


def of_arms(arms: Sequence[ArmResult], level: float = limit.P_MAX) -> tuple[str, ...]:
    """What each treatment did, in one sentence; `level` is what p must be below at this look."""
    return tuple(_of_arm(arm, level) for arm in arms)


def _of_arm(arm: ArmResult, level: float) -> str:
    if not arm.pairs:
        return (
            f"Arm {arm.arm} of {arm.contender} has no valid run beside one of the baseline, so nothing can be compared."
        )
    scores = (
        f"{arm.contender} passes {arm.passed} of {arm.pairs} in arm {arm.arm}, {arm.baseline_passed} in the baseline"
    )
    if arm.p is None:
        return f"{scores}: no run ended otherwise."
    chance = p_value(arm.p)
    text = "the difference is hardly chance" if arm.p < level else "such a difference may well be chance"
    if arm.scope == THESE_TASKS and arm.tasks:
        tally = tally_words((arm.tasks.better, arm.tasks.equal, arm.tasks.worse))
        text += f" on these tasks ({tally}), and whether it holds for tasks like these is not shown"
    elif arm.scope == TASKS_LIKE_THESE:
        text += ", for tasks like these too"
    return f"{scores} (same tasks and seeds; {arm.better} better, {arm.worse} worse): {text} ({chance})."


def _sight(contender: ContenderResult) -> str:
    if contender.sight is None:
        return f"whether {contender.name} sees was not asked"
    verb = {True: "sees", False: "does not see", None: "may or may not see"}[contender.sight.sees]
    return f"{contender.name} {verb}: {contender.sight.detail}"


def _alone(plan: Plan, judged: Sequence[JudgedContender]) -> str:
    if not plan.tasks and plan.speed is None and (sights := [_sight(contender.result) for contender in judged]):
        return f"{several(sights)}."
    if not plan.tasks:
        return f"{several([_rate(contender.result) for contender in judged])}; no task was asked for."
    scores = [_score(contender.result) for contender in judged]
    why = "there is nothing to compare it with" if len(judged) == 1 else "no incumbent is named to compare with"
    return f"{several(scores)}; {why}."


def _score(result: ContenderResult) -> str:
    within = f" ({percent(result.interval[0])} to {percent(result.interval[1])})" if result.interval else ""
    return f"{result.name} passes {passes(result.passed, result.valid)}{within}"


def _of_rule(pair: HeadToHead) -> list[str]:
    old, new = pair.incumbent.result, pair.challenger.result
    if pair.p is None:
        return [f"{old.name} and {new.name} have no task with valid runs of both, so nothing can be compared."]
    chance = f"({p_value(pair.p)})"
    if pair.p < pair.pair.rule.level:
        found = [f"On these tasks the difference is hardly chance {chance}."]
    elif old.passed * new.valid == new.passed * old.valid:
        found = [f"On these tasks both pass as often, which shows no difference and rules none out {chance}."]
    else:
        found = [f"On these tasks such a difference may well be chance {chance}."]
    return [*found, *values_narrative.of_pair(pair), *values_narrative.of_others(pair)]


def _of_doubt(pair: HeadToHead) -> list[str]:
    found = []
    for contender in (pair.incumbent, pair.challenger):
        result = contender.result
        if result.valid < limit.COVERAGE_MIN * result.attempted:
            found.append(
                f"Only {result.valid} of {result.attempted} planned runs of {result.name} are valid; "
                f"below {percent(limit.COVERAGE_MIN)} nothing is concluded."
            )
    if pair.bracket is not None and set(pair.bracket) != {pair.plain}:
        unknown = sum(cell.unknown for c in (pair.incumbent, pair.challenger) for cell in c.cells.values())
        found.append(
            f"{count(unknown, 'run')} without a valid end could turn it: the verdict would be {pair.bracket[0]} "
            f"with all of them against {pair.challenger.result.name}, {pair.bracket[1]} with all of them for it."
        )
    if pair.served != pair.plain:
        found.append(f"Had no run failed in serving, the verdict on these runs could be {pair.served}.")
    return found


def _of_population(pair: HeadToHead) -> list[str]:
    if pair.population_p is None or pair.verdict == UNDECIDED:
        return []
    if pair.pair.weighed.basis not in (Basis.ABILITY, Basis.EQUAL):
        return ["It is shown for these tasks; for others like these the times may differ."]
    chance = p_value(pair.population_p)
    if pair.scope == TASKS_LIKE_THESE:
        return [f"It holds for tasks like these too ({chance})."]
    why = f"{chance}, {count(pair.tasks, 'task')}"
    level = pair.pair.rule.level_of_look
    if pair.population_p < level and scope_of(pair.pair) == THESE_TASKS:
        why += ", and one more task lost as a whole could outweigh them"
    elif pair.population_p < level:
        why += ", and runs without a valid end could turn it"
    return [f"Whether it holds for other tasks like these is not shown ({why})."]


def _of_serving(contender: JudgedContender) -> list[str]:
    result = contender.result
    if not unserved(contender) or result.if_served_correctly is None:
        return []
    runs = [run.result for run in contender.runs if run.result.arm == contender.arm]
    served = sum(run.outcome is Outcome.SERVING_FAILURE for run in runs)
    text = f"{count(served, 'run')} of {result.name} failed in serving, not in the model"
    if open_runs := unserved(contender) - served:
        of_them = f"of {count(open_runs, 'run')} of {result.name} nobody can tell whether serving or model failed"
        text = f"{text}, and {of_them}" if served else of_them[0].upper() + of_them[1:]
    return [f"{text}; served correctly it would pass at most {percent(result.if_served_correctly)}."]


def _of_concurrent_runs(judged: Sequence[JudgedContender]) -> list[str]:
    """Said before any seconds are."""
    most = 1 + max((run.result.beside for contender in judged for run in contender.runs), default=0)
    if most == 1:
        return []
    return [f"Up to {most} runs shared the engine at a time: their seconds and rates are not those of a run alone."]


def _of_speed(results: Sequence[ContenderResult], rates: Sequence[RatePair]) -> list[str]:
    found = []
    timed = [r for r in results if r.seconds_to_pass is not None]
    if len(results) > 1 and len(timed) == len(results):
        found.append(several([f"{r.name} needs {r.seconds_to_pass:.0f} s for a pass" for r in timed]) + ".")
    measured = [result for result in results if result.speed is not None]
    if measured:
        found.append(_opened(several([_rate(result) for result in measured])) + ".")
    return [*found, *(f"{_opened(in_words(each))}." for each in rates)]


def _opened(text: str) -> str:
    """A clause as a sentence's beginning, its names as they are."""
    return f"T{text[1:]}" if text.startswith("the ") else text


def _rate(result: ContenderResult) -> str:
    if result.speed is None:
        return f"the speed of {result.name} was not measured"
    if result.speed.decode_tok_s is None:
        return f"the speed of {result.name} could not be established"
    doubt = " (suspect)" if result.speed.status is Validity.SUSPECT else ""
    known = plus_minus(result.speed.uncertainty.relative if result.speed.uncertainty else None)
    whose = f" {OF_KERNELS}" if result.speed.rate_of == KERNELS else ""
    return f"{result.name} decodes {result.speed.decode_tok_s:.3g} tok/s{known}{doubt}{whose}"
