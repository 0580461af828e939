"""Read Prometheus text as engines expose it."""

import math
from collections.abc import Sequence

from prometheus_client.parser import text_string_to_metric_families

from onbox.schema.engine_profile import EngineProfile

TEXT_CHARS_MAX = 2 * 2**20
"""Of all counters together; vLLM has some 0.1 MB of them."""
LINES_MAX = 5000
"""Of samples by the names that are asked for."""


def idle_signs(text: str, *profiles: EngineProfile | None) -> dict[str, float]:
    """What runs and waits, and the output tokens made, by the names of these engines: what is zero, or stands still,
    when nobody is served."""
    counters = [profile.counters for profile in profiles if profile and profile.counters]
    return gauges(text, [name for each in counters for name in (*each.busy, *each.generated)])


def profile_of(text: str, profiles: Sequence[EngineProfile]) -> EngineProfile | None:
    """The first engine whose counter of output tokens stands in a scrape; None when none does."""
    written = {line.partition("{")[0].partition(" ")[0] for line in text.splitlines()}
    return next((each for each in profiles if each.counters and written & set(each.counters.generated)), None)


def gauges(text: str, names: Sequence[str]) -> dict[str, float]:
    """The sum over labels of each named sample; a name that the text does not hold is missing, never 0."""
    found: dict[str, float] = {}
    # A page of a million other samples takes the parser a minute, and a gigabyte. The type says how a name is written.
    stems = tuple(name.removesuffix("_total") for name in names)
    lines = [line for line in text.split("\n") if line.removeprefix("# TYPE ").startswith(stems)]
    if len(lines) > LINES_MAX:
        return {}
    try:
        for family in text_string_to_metric_families("\n".join([*lines, ""])):
            for sample in family.samples:
                if sample.name in names and math.isfinite(sample.value):
                    found[sample.name] = found.get(sample.name, 0.0) + sample.value
    except (ValueError, IndexError, KeyError, OverflowError):
        return {}
    return found
