"""What a verdict says of margins, times, memory and demands, in sentences."""

from onbox.judge.comparison_results import Ability, Basis, Pace
from onbox.judge.verdict.comparison import SWITCH, UNDECIDED
from onbox.judge.verdict.head_to_head import HeadToHead
from onbox.judge.verdict.scope import these
from onbox.judge.verdict.speed_ratio import TimeRatio
from onbox.judge.verdict.standing import MISSED, demands
from onbox.schema.units import factor, percent, several

DEMANDS = {
    "memory_free_gb": "the memory that is to stay free",
    "must_see": "sight",
    "context_tokens": "the context",
}
REASONS = {
    Basis.SPEED: " for speed",
    Basis.MEMORY: " for memory",
    Basis.SIGHT: ", which sees",
    Basis.WORTH: ", by what a minute is worth to you",
    Basis.DEMAND: "",
    Basis.EQUAL: "",
}


def headline(pair: HeadToHead, scores: str) -> str:
    """Of a verdict that does not rest on ability alone."""
    new, basis = pair.challenger.result.name, pair.pair.weighed.basis
    losses = several(list(pair.pair.weighed.losses))
    switch = pair.verdict == SWITCH
    name = new if switch else pair.incumbent.result.name
    start = f"{'Switch to' if switch else 'Keep'} {name}{REASONS[basis]}, for {these(pair.tasks)}"
    parts = [part for part in (_shown(pair), f"but {losses}" if losses else "", scores) if part]
    return f"{start}: {'; '.join(parts)}."


def of_pair(pair: HeadToHead) -> list[str]:
    """Ability within its margin, times with their interval, demands that are missed or unknown."""
    found = [*_of_margin(pair), *_of_time(pair), *_of_worth(pair), *_of_demands(pair)]
    if pair.verdict != SWITCH and pair.pair.weighed.ability is Ability.WORSE and pair.pair.weighed.pace is Pace.FASTER:
        found.append(
            "It is a trade-off: the one passes more, the other is faster. `rate_per_minute` of the values says what a "
            "minute is worth to you."
        )
    return found


def of_others(pair: HeadToHead) -> list[str]:
    """Every other challenger: none is hidden behind the one of the headline."""
    found = []
    for other in pair.others:
        weighed, result = other.pair.weighed, other.challenger.result
        sentences = {
            SWITCH: f"would be a switch as well ({weighed.basis.value})",
            UNDECIDED: "is undecided against the incumbent",
        }.get(other.verdict, f"is no reason to switch ({weighed.basis.value})")
        time = f"; {_times(other.pair.time, other.pair.each)}" if other.pair.time else ""
        found.append(f"{result.name} passes {result.passed} of {result.valid} and {sentences}{time}.")
    return found


def faster(pair: HeadToHead) -> str:
    """What an undecided headline must not hide: `, and new takes 0.10 of the time`."""
    if pair.pair.weighed.pace is not Pace.FASTER or pair.pair.time is None or not pair.challenger.result.passed:
        return ""
    low, high = pair.pair.time.interval(1 - pair.pair.each)
    return f", and {pair.challenger.result.name} takes {pair.pair.time.ratio:.2g} ({low:.2g} to {high:.2g}) of the time"


def _shown(pair: HeadToHead) -> str:
    """`no worse within 10 points, 3 times faster`."""
    weighed, values, time = pair.pair.weighed, pair.pair.rule.values, pair.pair.time
    margin = f"within {percent(values.ability_margin).removesuffix(' %')} points"
    if weighed.basis is Basis.DEMAND:
        missing = [name for name, state in _demands(pair, pair.verdict == SWITCH).items() if state == MISSED]
        who = pair.incumbent.result.name if pair.verdict == SWITCH else pair.challenger.result.name
        return f"{who} lacks {several([DEMANDS[name] for name in missing])}"
    ability = {
        Ability.EQUAL: f"equal {margin}",
        Ability.NO_WORSE: f"no worse {margin}",
        Ability.NO_BETTER: f"no better {margin}",
        Ability.WORSE: "worse",
        Ability.BETTER: "better",
    }.get(weighed.ability, "")
    pace = ""
    if time is not None and weighed.pace is Pace.FASTER:
        pace = f"{factor(1 / time.ratio)} times faster"
    elif time is not None and weighed.pace is Pace.SLOWER:
        pace = f"{factor(time.ratio)} times slower"
    elif weighed.pace is Pace.EQUAL:
        pace = f"as fast within {percent(values.time_margin)}"
    return f"{pair.challenger.result.name} is {', '.join(part for part in (ability, pace) if part)}" if ability else ""


def _of_margin(pair: HeadToHead) -> list[str]:
    interval = pair.pair.runs.bounds(1 - 2 * pair.pair.each)
    ability, margin = pair.pair.weighed.ability, 100 * pair.pair.rule.values.ability_margin
    if interval is None or ability in (Ability.BETTER, Ability.WORSE):
        return []
    ruling = {
        Ability.EQUAL: "so the two are equally good",
        Ability.NO_WORSE: "so it is no worse; whether it is better is open",
        Ability.NO_BETTER: "so it is no better; whether it is worse is open",
    }.get(ability, "so neither is shown to be as good as the other")
    return [
        f"{pair.challenger.result.name} passes {_points(interval[0])} to {_points(interval[1])} points more than "
        f"{pair.incumbent.result.name}, where {margin:.3g} points make no difference (two one-sided tests): {ruling}."
    ]


def _points(share: float) -> str:
    return f"{100 * share:.0f}" if share >= 0 else f"-{-100 * share:.0f}"


def _of_time(pair: HeadToHead) -> list[str]:
    time = pair.pair.time
    if time is None:
        return ["How long the two take for the same work is not known: too few runs of the same task and seed."]
    margin = pair.pair.rule.values.time_margin
    ruling = {
        Pace.FASTER: "it is faster",
        Pace.SLOWER: "it is slower",
        Pace.EQUAL: f"as fast, as {1 - margin:.2g} to {1 / (1 - margin):.3g} makes no difference (two one-sided tests)",
    }.get(pair.pair.weighed.pace, "which of them is faster is open")
    return [f"{pair.challenger.result.name} takes {_times(time, pair.pair.each)}: {ruling}."]


def _times(time: TimeRatio, each: float) -> str:
    low, high = time.interval(1 - each)
    return (
        f"{factor(time.ratio)} times as long for the same work ({100 * (1 - each):.3g} percent: {factor(low)} to "
        f"{factor(high)}; {time.pairs} runs with the same seed)"
    )


def _of_worth(pair: HeadToHead) -> list[str]:
    price, time = pair.pair.rule.values.rate_per_minute, pair.pair.time
    if not price or time is None:
        return []
    more, (low, high) = time.minutes_a_task(1 - pair.pair.each)
    worth = -price * more
    return [
        f"A run of it takes {more:+.2g} minutes ({low:+.2g} to {high:+.2g}); at {100 * price:.2g} points a minute that "
        f"is worth {100 * worth:+.2g} points."
    ]


def _of_demands(pair: HeadToHead) -> list[str]:
    found = []
    for challenger in (False, True):
        who = (pair.challenger if challenger else pair.incumbent).result.name
        for name, state in _demands(pair, not challenger).items():
            if state == MISSED:
                found.append(f"{who} lacks {DEMANDS[name]} that you ask for.")
            elif state == "unknown":
                found.append(f"Nobody saw whether {who} has {DEMANDS[name]} that you ask for.")
    return found


def _demands(pair: HeadToHead, incumbent: bool) -> dict[str, str]:
    facts = pair.pair.old if incumbent else pair.pair.new
    return dict(demands(pair.pair.rule.values, facts))
