"""How fast a server decoded during a run, beside the rate that it was calibrated to."""

from collections.abc import Sequence
from statistics import median

from onbox.evidence.records import Exchange
from onbox.evidence.stream import Reply, read_reply

SECOND_NS = 1_000_000_000
TOKENS_MIN = 32
"""Fewer tokens than this hold no rate."""
RUNS_MIN = 3
"""Fewer runs than this calibrate nothing."""


def pace(replies: Sequence[Reply]) -> float | None:
    """Tokens over seconds of decoding, pooled over the streamed answers of a run; None when there are too few.

    Of a stream that was cut off before it told its usage, the visible events are counted.
    """
    tokens, spent_ns = 0, 0
    for reply in replies:
        seen = [arrival for arrival in reply.arrivals if arrival.visible]
        if len(seen) < 2:
            continue
        tokens += (reply.completion_tokens or reply.chunks) - 1
        spent_ns += seen[-1].t_ns - seen[0].t_ns
    return tokens * SECOND_NS / spent_ns if tokens >= TOKENS_MIN and spent_ns else None


def pace_of(exchanges: Sequence[Exchange]) -> float | None:
    """The rate of an agent's own answers."""
    return pace([read_reply(each) for each in exchanges if each.purpose == "agent"])


def calibrated_tok_s(measured: float | None, runs: Sequence[float | None]) -> float | None:
    """The rate to hold a slow run against: the measured one, else the median over the contender's own runs."""
    if measured is not None:
        return measured
    rates = [rate for rate in runs if rate is not None]
    return median(rates) if len(rates) >= RUNS_MIN else None
