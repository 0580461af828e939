"""The decode rate: tokens over seconds, of one streamed reply by its arrival stamps, and of several together.

Every rate of tokens is made here: the judge's, that of a run's answers, of the live views, and that by which a
measurement plans its requests.

Reads that lie close together are one *burst*. The tokens of the first burst were made before anything could be seen, so
with N tokens, k of them in the first burst,

    rate = (N - k) / (start of the last burst - start of the first burst)

The usual (N - 1) / (last - first) reads high by (N - 1) / (N - k): 2 percent for 4 tokens a chunk, 13 percent behind a
proxy that flushes every 16. Where the server counts along the stream (token ids, usage in every chunk) k is known.
Where it does not, the first burst has its share of the chunks; or of the characters, when chunks hold several tokens
and the first is plainly larger or smaller than the others, as under speculative decoding.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from onbox.evidence.records import Exchange
from onbox.evidence.replies import read_reply
from onbox.protocol.reply import Arrival, Reply

SECOND_NS = 1_000_000_000

BURST_GAP_NS = 2_000_000
"""Arrivals closer than this came together; for fast models a quarter of the mean gap of a token is used instead."""
STALLED_GAP_NS = 500_000
"""The least gap that starts a burst where one pause makes up most of the reply: what two flushes of a proxy bring comes
closer together."""
MANY_TOKENS_A_CHUNK = 2.0
"""From so many tokens a chunk on, the first chunk may differ from the others: under speculation it holds one token."""
UNLIKE_CHUNKS = 2.0
"""The first burst is unlike the others when its text is so many times longer or shorter: words differ less."""
SILENCE_SHARE = 0.5
"""Of the time that hidden tokens would take at the visible pace: a shorter wait for the first arrival hid none."""
HIDDEN_SHARE = 0.8
"""The same where the server does not say that it hides any."""
CHARACTERS_A_TOKEN = 2
"""Fewer than this on average, and a text does not hold so many tokens."""


@dataclass(frozen=True)
class Sample:
    """One streamed request, digested.

    Args:
        id: of the exchange.
        reply: what the server answered.
        status: of HTTP; None when no status line came.
        tokens: output tokens by `usage`; None when the server does not say.
        bursts: arrivals of something visible, after those that came together are counted as one.
        first_tokens: tokens of the first burst, known or estimated; None when there is no saying.
        first_chunks: visible events of the first burst.
        first_s: seconds from the request to the first visible arrival.
        span_s: seconds from the first burst to the last.
    """

    id: int
    reply: Reply
    status: int | None
    tokens: int | None
    bursts: int
    first_tokens: float | None
    first_chunks: int
    first_s: float | None
    span_s: float

    @cached_property
    def observed(self) -> tuple[float, float] | None:
        """(tokens that arrived within the span, seconds of the span), or None when there is no rate in it."""
        if self.first_tokens is None or self.bursts < 2 or self.span_s <= 0 or self.hides:
            return None
        tokens = arrived(self.reply) - self.first_tokens
        return (tokens, self.span_s) if tokens > 0 else None

    @property
    def hides(self) -> bool:
        """Whether its usage counts more than the text can hold, and a silence before it was long enough for the rest:
        reasoning was kept back and not told apart, so what came is no share of that count."""
        if self.tokens is None or self.first_s is None or self.reply.hidden_tokens or _counted(self.reply) is not None:
            return False
        if self.reply.tool_calls:
            # What frames a call is counted, and no part of what is sent.
            return False
        chunks = self.reply.chunks
        if chunks < 2 or self.tokens < 2 * chunks or self.reply.characters >= CHARACTERS_A_TOKEN * self.tokens:
            return False
        return self.first_s >= HIDDEN_SHARE * (self.tokens - chunks) * self.span_s / (chunks - 1)

    @property
    def counted_by_events(self) -> tuple[float, float] | None:
        """The same of a stream that ended before it told its tokens, each visible event taken for one."""
        if self.tokens is not None or self.bursts < 2 or self.span_s <= 0:
            return None
        return float(self.reply.chunks - self.first_chunks), self.span_s

    @property
    def tok_s(self) -> float | None:
        """The decode rate of this request alone."""
        return pooled_tok_s([self.observed]) if self.observed else None

    @property
    def decoded(self) -> tuple[float, float] | None:
        """(tokens, seconds) as observed, or by events where the stream ended before its count came."""
        return self.observed or self.counted_by_events


def pooled_tok_s(pairs: Iterable[tuple[float, float]]) -> float | None:
    """Tokens over seconds of all these (tokens, seconds): a long answer weighs more than a short one.

    Returns:
        None where no time passed.
    """
    pairs = list(pairs)
    seconds = math.fsum(spent for _, spent in pairs)
    return math.fsum(tokens for tokens, _ in pairs) / seconds if seconds > 0 else None


def digest(exchange: Exchange) -> Sample:
    """Read the stream of one request and collapse its arrivals into bursts."""
    reply = read_reply(exchange)
    tokens = reply.completion_tokens
    visible = [arrival for arrival in reply.arrivals if arrival.visible]
    starts = burst_starts([arrival.t_ns for arrival in visible], tokens)
    first = visible if len(starts) < 2 else [arrival for arrival in visible if arrival.t_ns < starts[1]]
    return Sample(
        id=exchange.id,
        reply=reply,
        status=exchange.status,
        tokens=tokens,
        bursts=len(starts),
        first_tokens=_first_tokens(reply, first) if first and tokens else None,
        first_chunks=sum(arrival.visible for arrival in first),
        first_s=visible[0].t_ns / SECOND_NS if visible else None,
        span_s=(starts[-1] - starts[0]) / SECOND_NS if starts else 0.0,
    )


def arrived(reply: Reply) -> int:
    """Tokens that came in something visible, reasoning that was kept back left out.

    A reply that ended by itself ends in a token that is counted and never sent, which shows when every other token had
    a chunk of its own, or was counted along the stream.
    """
    tokens = (reply.completion_tokens or 0) - _kept_back(reply)
    if reply.finish_reason != "stop":
        return tokens
    return tokens - ((_counted(reply) or reply.chunks) + 1 == tokens)


def _kept_back(reply: Reply) -> int:
    """Reasoning that was counted and did not come: only where there was the time for it before the first arrival, and
    where the server does not count along the stream, which leaves it out already."""
    hidden, tokens = reply.hidden_tokens, reply.completion_tokens or 0
    if not hidden or _counted(reply) is not None:
        return 0
    stamps_ns = [arrival.t_ns for arrival in reply.arrivals if arrival.visible]
    if len(stamps_ns) < 2:
        return 0
    token_ns = (stamps_ns[-1] - stamps_ns[0]) / max(1, tokens - hidden - 1)
    return hidden if stamps_ns[0] >= SILENCE_SHARE * hidden * token_ns else 0


def burst_starts(stamps_ns: list[int], tokens: int | None) -> list[int]:
    """The first stamp of each burst: a gap longer than 2 ms, or than a quarter of a token's mean gap, starts one.

    A pause that is longer than all other gaps together says nothing of the pace, so it is left out of the mean.
    """
    if not stamps_ns:
        return []
    span_ns = stamps_ns[-1] - stamps_ns[0]
    gaps_ns = [now - before for before, now in pairwise(stamps_ns)]
    pause_ns = max(gaps_ns, default=0)
    stalled = pause_ns > span_ns / 2
    mean_gap_ns = (span_ns - pause_ns * stalled) / max(1, tokens or len(stamps_ns))
    epsilon_ns = min(BURST_GAP_NS, max(mean_gap_ns / 4, STALLED_GAP_NS * stalled))
    return [*stamps_ns[:1], *(now for now, gap_ns in zip(stamps_ns[1:], gaps_ns, strict=True) if gap_ns > epsilon_ns)]


def _first_tokens(reply: Reply, first: Sequence[Arrival]) -> float:
    """Tokens of the first burst; hidden tokens before it count, where the server counts along the stream."""
    if _counted(reply) is not None and first[-1].counted:
        return first[-1].counted
    tokens, chunks = arrived(reply), sum(arrival.visible for arrival in first)
    by_chunks = chunks / reply.chunks
    by_text = sum(arrival.characters for arrival in first) / max(1, reply.characters)
    unlike = not 1 / UNLIKE_CHUNKS < by_text / by_chunks < UNLIKE_CHUNKS
    return tokens * (by_text if unlike and tokens > MANY_TOKENS_A_CHUNK * reply.chunks else by_chunks)


def _counted(reply: Reply) -> int | None:
    """What the server had counted when the last visible part came; None unless that is the whole reply, but for an end
    that is never shown."""
    last = next((arrival.counted for arrival in reversed(reply.arrivals) if arrival.visible), None)
    return last if last is not None and 0 <= (reply.completion_tokens or 0) - last <= 1 else None
