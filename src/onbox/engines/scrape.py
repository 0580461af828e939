"""Read Prometheus text as engines expose it."""

from collections.abc import Sequence

from prometheus_client.parser import text_string_to_metric_families


def gauges(text: str, names: Sequence[str]) -> dict[str, float]:
    """The sum over labels of each named sample; a name that the text does not hold is missing, never 0."""
    found: dict[str, float] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name in names:
                    found[sample.name] = found.get(sample.name, 0.0) + sample.value
    except ValueError:
        return {}
    return found
