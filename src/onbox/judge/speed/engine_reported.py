"""What an engine reports of one request: how many tokens, in how many seconds."""

from typing import Any

from onbox.evidence.stream import Reply


def reported_tokens(reply: Reply) -> list[tuple[str, int]]:
    """(where it stands, output tokens) for each account of the length of a reply beside its usage."""
    found = [("its timings", (reply.timings or {}).get("predicted_n")), ("its token ids", _ids(reply))]
    return [(name, tokens) for name, tokens in found if isinstance(tokens, int)]


def engine_time(reply: Reply) -> tuple[float, float] | None:
    """(tokens, seconds) of decoding by the engine's own clock; None when it gives none.

    llama.cpp's `predicted_ms` and vLLM's `generation_time_ms` run from the first token to the last, so that one token
    fewer falls into them. Ollama's `eval_duration` is told with `eval_count`, which it covers.
    """
    timings, metrics, durations = reply.timings or {}, reply.metrics or {}, reply.durations or {}
    told = (
        (_less_one(timings.get("predicted_n")), timings.get("predicted_ms"), 1e3),
        (_less_one(reply.completion_tokens), metrics.get("generation_time_ms"), 1e3),
        (durations.get("eval_count"), durations.get("eval_duration"), 1e9),
    )
    for tokens, spent, unit in told:
        if isinstance(tokens, int) and isinstance(spent, int | float) and tokens > 0 and spent > 0:
            return float(tokens), spent / unit
    return None


def drafted(reply: Reply) -> tuple[int, int] | None:
    """(output tokens, those of them that were drafted), by llama.cpp; None when nothing was drafted."""
    timings = reply.timings or {}
    tokens, drafts, accepted = (timings.get(name) for name in ("predicted_n", "draft_n", "draft_n_accepted"))
    if not isinstance(tokens, int) or not isinstance(accepted, int) or not drafts:
        return None
    return tokens, accepted


def _less_one(tokens: Any) -> int | None:
    return tokens - 1 if isinstance(tokens, int) else None


def _ids(reply: Reply) -> int | None:
    """Token ids, with the one that ends a reply and is not always sent."""
    ids, tokens = reply.token_ids, reply.completion_tokens
    unsent = ids is not None and tokens == ids + 1 and reply.finish_reason == "stop"
    return tokens if unsent else ids
