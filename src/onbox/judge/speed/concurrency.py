"""Several requests at a time: the window in which all of them are active, and the rate of all together in it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onbox.evidence.decode_rate import SECOND_NS, Sample, arrived, pooled_tok_s
from onbox.evidence.records import Exchange


@dataclass(frozen=True)
class ConcurrentWindow:
    """All rounds of one concurrency.

    Args:
        tokens: that arrived while every request of their round was active.
        active_s: so long all were active, summed over the rounds.
        span_s: so long any of them was.
    """

    tokens: float
    active_s: float
    span_s: float

    @property
    def tok_s(self) -> float | None:
        """Of all requests together; None when they were never active at once."""
        return pooled_tok_s([(self.tokens, self.active_s)])

    @property
    def share(self) -> float:
        """Of the time of a round in which all were active."""
        return self.active_s / self.span_s if self.span_s > 0 else 0.0


def concurrent_window(
    samples: Sequence[Sample], exchanges: Sequence[Exchange], concurrency: int
) -> ConcurrentWindow | None:
    """The steady windows of rounds of `concurrency` requests each; None where requests were made one at a time."""
    begun = {exchange.id: exchange.t0_ns for exchange in exchanges if exchange.purpose == "measured"}
    if concurrency < 2:
        return None
    rounds = [samples[n : n + concurrency] for n in range(0, len(samples), concurrency)]
    windows = [_round(each, begun) for each in rounds if len(each) == concurrency]
    return ConcurrentWindow(
        tokens=math.fsum(window.tokens for window in windows),
        active_s=math.fsum(window.active_s for window in windows),
        span_s=math.fsum(window.span_s for window in windows),
    )


def _round(samples: Sequence[Sample], begun_ns: Mapping[int, int]) -> ConcurrentWindow:
    """From the last first arrival to the first last one."""
    stamps = [
        [begun_ns[sample.id] + arrival.t_ns for arrival in sample.reply.arrivals if arrival.visible]
        for sample in samples
    ]
    if not all(len(each) >= 2 for each in stamps):
        return ConcurrentWindow(0.0, 0.0, 0.0)
    begin, end = max(each[0] for each in stamps), min(each[-1] for each in stamps)
    first, last = min(each[0] for each in stamps), max(each[-1] for each in stamps)
    span_s = (last - first) / SECOND_NS
    if end <= begin:
        return ConcurrentWindow(0.0, 0.0, span_s)
    tokens = math.fsum(_arrived_until(sample, end - begun_ns[sample.id]) for sample in samples)
    tokens -= math.fsum(_arrived_until(sample, begin - begun_ns[sample.id]) for sample in samples)
    return ConcurrentWindow(tokens, (end - begin) / SECOND_NS, span_s)


def _arrived_until(sample: Sample, t_ns: int) -> float:
    """Tokens that had arrived by then, the way from one arrival to the next counted in part."""
    visible = [arrival for arrival in sample.reply.arrivals if arrival.visible]
    each = arrived(sample.reply) / max(1, sample.reply.chunks)
    tokens, before_ns = 0.0, None
    for arrival in visible:
        if arrival.t_ns > t_ns:
            if before_ns is not None:
                tokens += each * arrival.visible * (t_ns - before_ns) / (arrival.t_ns - before_ns)
            break
        tokens += each * arrival.visible
        before_ns = arrival.t_ns
    return tokens
