"""Two decode rates beside each other: their ratio, how well it is known, and whether they differ at all."""

import math
from collections.abc import Iterator, Sequence

from onbox.judge import thresholds as limit
from onbox.judge.rates import RateOrder, RatePair, RateRatio
from onbox.judge.results import ContenderResult, Measurement, Validity
from onbox.judge.rounding import rounded, rounded_pair
from onbox.schema.units import plus_minus


def rate_pairs(results: Sequence[ContenderResult]) -> tuple[RatePair, ...]:
    """Every measured contender beside the incumbent, or beside the first that was measured where there is none."""
    measured = [(each.name, each.role, each.speed) for each in results if each.speed is not None]
    if len(measured) < 2:
        return ()
    old = next((each for each in measured if each[1] == "incumbent"), measured[0])
    return tuple(
        RatePair(old=old[0], new=name, **rate_ratio(old[2], speed).model_dump())
        for name, role, speed in measured
        if name != old[0]
    )


def rate_ratio(old: Measurement, new: Measurement) -> RateRatio:
    """The decode rate of `new` over that of `old`."""
    why = next(_unlike(old, new), "")
    if why or not old.decode_tok_s or not new.decode_tok_s:
        return not_compared(why)
    return ratio_of(old.decode_tok_s, _relative(old), new.decode_tok_s, _relative(new))


def over_one_request(alone: Measurement, cell: Measurement) -> RateRatio | None:
    """All requests of a cell together, over one request at a time; None where there is no rate of all together."""
    if cell.system_tok_s is None:
        return None
    if alone.decode_tok_s is None:
        return not_compared("there is no valid rate of one at a time")
    return ratio_of(alone.decode_tok_s, _relative(alone), cell.system_tok_s, _relative(cell))


def ratio_of(old_tok_s: float, old_relative: float | None, new_tok_s: float, new_relative: float | None) -> RateRatio:
    """`new` over `old`, where all that is known of each is its rate and its relative uncertainty."""
    if old_relative is None or new_relative is None:
        return not_compared("how well a rate is known cannot be stated")
    ratio, relative = new_tok_s / old_tok_s, math.hypot(old_relative, new_relative)
    low, high = ratio * max(0.0, 1 - relative), ratio * (1 + relative)
    order = RateOrder.FASTER if low > 1 else RateOrder.SLOWER if high < 1 else RateOrder.EQUAL
    return RateRatio(
        ratio=rounded(ratio), relative=rounded(relative), interval=rounded_pair((low, high)), said=order, why=""
    )


def not_compared(why: str) -> RateRatio:
    """Two rates of which nothing follows."""
    return RateRatio(ratio=None, relative=None, interval=None, said=RateOrder.NOT_COMPARED, why=why)


def in_words(pair: RatePair) -> str:
    """One sentence without its full stop."""
    if pair.said is RateOrder.NOT_COMPARED or pair.ratio is None:
        return f"the rates of {pair.old} and {pair.new} are not compared: {pair.why}"
    known = f"{pair.ratio:.3g} times{plus_minus(pair.relative)}"
    if pair.said is RateOrder.EQUAL:
        ratio = f"ratio {pair.ratio:.3g}{plus_minus(pair.relative)}"
        return f"the rates of {pair.old} and {pair.new} are equal within their uncertainty ({ratio})"
    return f"{pair.new} decodes {pair.said.value} than {pair.old}: {known}"


def _relative(speed: Measurement) -> float | None:
    return speed.uncertainty.relative if speed.uncertainty else None


def _unlike(old: Measurement, new: Measurement) -> Iterator[str]:
    """What keeps two measurements from being compared, the weightiest first."""
    if "kernels" in (old.rate_of, new.rate_of):
        yield "with random weights a rate is of the kernels, not of the model"
    if old.decode_tok_s is None or new.decode_tok_s is None:
        yield "there is no valid rate of one of them"
    if Validity.SUSPECT in (old.status, new.status):
        yield "a suspect rate is off by more than its uncertainty says, and nobody knows by how much"
    for name in ("depth_tokens", "concurrency"):
        if old.profile.get(name) != new.profile.get(name):
            yield f"{name.replace('_', ' ')} differ: {old.profile.get(name)} and {new.profile.get(name)}"
    tokens = [each.profile.get("tokens") for each in (old, new)]
    if tokens[0] != tokens[1] and not _near(tokens):
        yield f"their requests are of {tokens[0]} and {tokens[1]} tokens"


def _near(tokens: Sequence[object]) -> bool:
    """Whether replies of such lengths read about the same context on the mean."""
    known = [each for each in tokens if isinstance(each, int)]
    return len(known) == len(tokens) and (max(known) - min(known)) / 2 <= limit.SAME_CONTEXT_TOKENS
