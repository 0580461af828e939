"""Read Prometheus text as engines expose it."""

import math
from collections.abc import Sequence
from types import MappingProxyType

from prometheus_client.parser import text_string_to_metric_families

IDLE_SIGNS = MappingProxyType(
    {
        "llamacpp": (
            "llamacpp:requests_processing",
            "llamacpp:requests_deferred",
            "llamacpp:tokens_predicted_total",
        ),
        "vllm": ("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:generation_tokens_total"),
        "sglang": ("sglang:num_running_reqs", "sglang:num_queue_reqs", "sglang:generation_tokens_total"),
        "trtllm": ("trtllm_generation_tokens_total",),
    }
)
"""What is zero, or a counter that stands still, when nobody is served."""


def gauges(text: str, names: Sequence[str]) -> dict[str, float]:
    """The sum over labels of each named sample; a name that the text does not hold is missing, never 0."""
    found: dict[str, float] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name in names and math.isfinite(sample.value):
                    found[sample.name] = found.get(sample.name, 0.0) + sample.value
    except (ValueError, IndexError, KeyError, OverflowError):
        return {}
    return found
