"""A decode rate from the arrival stamps of one streamed reply.

Reads that lie close together are one *burst*. The first burst carries its share of the tokens but no interval that
could be seen, so with N tokens in B bursts

    rate = N (1 - 1/B) / (start of the last burst - start of the first burst)

The usual (N - 1) / (last - first) reads high by (N - 1) / (N - k) when k tokens arrive together: 2 percent for 4 tokens
a chunk, 13 percent behind a proxy that flushes every 16.
"""

from dataclasses import dataclass
from itertools import pairwise

from onbox.evidence.records import Exchange
from onbox.evidence.stream import Reply, read_reply
from onbox.judge.thresholds import BURST_GAP_NS

SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Sample:
    """One streamed request, digested.

    Args:
        id: of the exchange.
        reply: what the server answered.
        status: of HTTP; None when no status line came.
        tokens: output tokens by `usage`; None when the server does not say.
        bursts: arrivals of something visible, after those that came together are counted as one.
        first_s: seconds from the request to the first visible arrival.
        span_s: seconds from the first burst to the last.
    """

    id: int
    reply: Reply
    status: int | None
    tokens: int | None
    bursts: int
    first_s: float | None
    span_s: float

    @property
    def observed(self) -> tuple[float, float] | None:
        """(tokens that arrived within the span, seconds of the span), or None when there is no rate in it."""
        if self.tokens is None or self.bursts < 2 or self.span_s <= 0:
            return None
        return self.arrived * (1 - 1 / self.bursts), self.span_s

    @property
    def arrived(self) -> int:
        """Tokens that came in something visible: a reply that ended by itself ends in a token that is counted and
        never sent, which shows when every other token had a chunk of its own."""
        unseen_end = self.reply.finish_reason == "stop" and self.reply.chunks + 1 == self.tokens
        return (self.tokens or 0) - unseen_end

    @property
    def tok_s(self) -> float | None:
        """The decode rate of this request alone."""
        return self.observed[0] / self.observed[1] if self.observed else None


def digest(exchange: Exchange) -> Sample:
    """Read the stream of one request and collapse its arrivals into bursts."""
    reply = read_reply(exchange)
    stamps = [arrival.t_ns for arrival in reply.arrivals if arrival.visible]
    starts = burst_starts(stamps, reply.completion_tokens)
    return Sample(
        id=exchange.id,
        reply=reply,
        status=exchange.status,
        tokens=reply.completion_tokens,
        bursts=len(starts),
        first_s=stamps[0] / SECOND_NS if stamps else None,
        span_s=(starts[-1] - starts[0]) / SECOND_NS if starts else 0.0,
    )


def burst_starts(stamps_ns: list[int], tokens: int | None) -> list[int]:
    """The first stamp of each burst: a gap longer than 2 ms, or than a quarter of a token's mean gap, starts one."""
    if not stamps_ns:
        return []
    mean_gap_ns = (stamps_ns[-1] - stamps_ns[0]) / max(1, tokens or len(stamps_ns))
    epsilon_ns = min(BURST_GAP_NS, mean_gap_ns / 4)
    starts = stamps_ns[:1]
    for before, now in pairwise(stamps_ns):
        if now - before > epsilon_ns:
            starts.append(now)
    return starts
