"""How fast the turns of a run were, from the wire: the same for every agent, whatever it prints of itself."""

from collections.abc import Sequence
from statistics import median

from onbox.evidence.decode_rate import Sample, pooled_tok_s
from onbox.evidence.records import Exchange
from onbox.judge.results import TurnResult
from onbox.judge.rounding import rounded


def turns_of(exchanges: Sequence[Exchange], samples: Sequence[Sample]) -> tuple[TurnResult, ...]:
    """The turns of a run one by one."""
    return tuple(map(_turn, exchanges, samples))


def first_token_s(turns: Sequence[TurnResult]) -> float | None:
    """Median time to the first token of the turns that show one."""
    times_s = [turn.ttft_s for turn in turns if turn.ttft_s is not None]
    return rounded(median(times_s)) if times_s else None


def decode_tok_s(samples: Sequence[Sample]) -> float | None:
    """Tokens over seconds of decoding, pooled over the turns that show a rate."""
    rate = pooled_tok_s(sample.observed for sample in samples if sample.observed)
    return None if rate is None else rounded(rate)


def _turn(exchange: Exchange, sample: Sample) -> TurnResult:
    # A reply that was asked for whole comes all at once: its arrival is not that of the first token.
    streamed = isinstance(exchange.request, dict) and bool(exchange.request.get("stream"))
    return TurnResult(
        tokens=sample.tokens,
        tool_calls=len(sample.reply.tool_calls),
        ttft_s=rounded(sample.first_s) if streamed and sample.first_s is not None else None,
        decode_tok_s=rounded(sample.tok_s) if sample.tok_s is not None else None,
    )
