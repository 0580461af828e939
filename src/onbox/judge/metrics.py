"""Counters of an engine: Prometheus text in, differences out; what is missing is None and never zero."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

Values = Mapping[str, float]


@dataclass(frozen=True)
class Names:
    """What one engine calls its counters.

    Args:
        prefix: before the colon, and how the engine is recognized.
        generated: output tokens.
        decode_s: seconds spent on output tokens after the first of each request; empty where the engine has none.
        decoded: output tokens of *finished* requests, the partner of `decode_s`; it lags `generated` (vLLM #41368).
        requests: finished requests; empty where the engine does not count them, then the caller's own count serves.
        cached: prompt tokens taken from the prefix cache.
        busy: gauges that are zero when nobody is served.
    """

    prefix: str
    generated: str
    decode_s: str = ""
    decoded: str = ""
    requests: str = ""
    cached: str = ""
    busy: tuple[str, ...] = ()


ENGINES = (
    Names(
        prefix="llamacpp",
        generated="llamacpp:tokens_predicted_total",
        decode_s="llamacpp:tokens_predicted_seconds_total",
        decoded="llamacpp:tokens_predicted_total",
        cached="llamacpp:prompt_tokens_cached_total",
        busy=("llamacpp:requests_processing", "llamacpp:requests_deferred"),
    ),
    Names(
        prefix="vllm",
        generated="vllm:generation_tokens_total",
        decode_s="vllm:request_decode_time_seconds_sum",
        decoded="vllm:request_generation_tokens_sum",
        requests="vllm:request_generation_tokens_count",
        cached="vllm:prefix_cache_hits_total",
        busy=("vllm:num_requests_running", "vllm:num_requests_waiting"),
    ),
    Names(
        prefix="sglang",
        generated="sglang:generation_tokens_total",
        cached="sglang:cached_tokens_total",
        busy=("sglang:num_running_reqs", "sglang:num_queue_reqs"),
    ),
)

START_TIME = "process_start_time_seconds"


def parse(text: str | None) -> dict[str, float] | None:
    """Read Prometheus text.

    Returns:
        Sample name -> value, summed over labels (engines and models of one server); histogram buckets and values that
        are no numbers are left out. None when there is no text or it is not Prometheus text.
    """
    if not text:
        return None
    values: dict[str, float] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if math.isfinite(sample.value) and not sample.name.endswith("_bucket"):
                    values[sample.name] = values.get(sample.name, 0.0) + sample.value
    except (ValueError, IndexError, KeyError):
        return None
    return values or None


@dataclass(frozen=True)
class Counters:
    """What an engine's counters did between two scrapes.

    Args:
        engine: the prefix of its names.
        generated: output tokens.
        requests: finished requests, None where the engine does not count them.
        decoded: output tokens that `decode_s` covers, the first of each request included.
        decode_s: seconds.
        cached: prompt tokens from the prefix cache.
        busy: requests that ran or waited at the second scrape.
        resets: counters that went backwards, or the start time if it moved; then all differences are void.
    """

    engine: str
    generated: int | None
    requests: int | None
    decoded: int | None
    decode_s: float | None
    cached: int | None
    busy: int | None
    resets: tuple[str, ...]


def difference(before: Values | None, after: Values | None) -> Counters | None:
    """Subtract two scrapes; None when either is missing or no known engine speaks."""
    if before is None or after is None:
        return None
    names = next((n for n in ENGINES if n.generated in after), None)
    if names is None:
        return None
    counted = [n for n in (names.generated, names.decode_s, names.decoded, names.requests, names.cached) if n]
    resets = [name for name in dict.fromkeys(counted) if after.get(name, 0.0) < before.get(name, 0.0)]
    if before.get(START_TIME) != after.get(START_TIME):
        resets.append(START_TIME)

    def moved(name: str) -> float | None:
        return after[name] - before[name] if name in before and name in after and not resets else None

    def whole(name: str) -> int | None:
        value = moved(name)
        return None if value is None else round(value)

    busy = [after[name] for name in names.busy if name in after]
    return Counters(
        engine=names.prefix,
        generated=whole(names.generated),
        requests=whole(names.requests),
        decoded=whole(names.decoded),
        decode_s=moved(names.decode_s),
        cached=whole(names.cached),
        busy=round(sum(busy)) if busy else None,
        resets=tuple(resets),
    )
