"""The summary JSON of AIPerf 0.13 (`JsonExportData` there, schema 1.4), as far as onbox measures what it holds.

Of percentiles only the median is given: a few requests hold no p99.
"""

from typing import Any

from onbox import __version__
from onbox.evidence.folder import TrialFolder
from onbox.exporters import Export
from onbox.exporters.measured import MeasuredContender, as_json, measured
from onbox.judge.results import Verdict
from onbox.judge.summary import Summary, summary

SCHEMA_VERSION = "1.4"
MS = 1000


class AIPerf:
    """`profile_export_aiperf.json`: a file for each contender and number of requests at a time."""

    name = "aiperf"

    def export(self, folder: TrialFolder, verdict: Verdict) -> Export:
        """A summary for each of them."""
        shown, notes = measured(verdict)
        return Export({f"{each.cell}.json": as_json(_summary(each)) for each in shown}, tuple(notes))


def _summary(each: MeasuredContender) -> dict[str, Any]:
    one = each.speed.each
    metrics = {
        "request_latency": _metric("ms", summary([r.seconds for r in one]), MS),
        "time_to_first_token": _metric("ms", each.ttfts_s, MS),
        "inter_token_latency": _metric("ms", summary([1 / r.decode_tok_s for r in one if r.decode_tok_s]), MS),
        "output_token_throughput_per_user": _metric("tokens/sec/user", each.rates_tok_s),
        "output_sequence_length": _metric("tokens", summary([r.tokens for r in one])),
        "input_sequence_length": _metric("tokens", summary([r.prompt_tokens for r in one])),
        "output_token_throughput": _of_all(each),
        "request_count": {"unit": "requests", "avg": each.speed.requests},
        "total_output_tokens": {"unit": "tokens", "avg": each.speed.tokens},
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "aiperf_version": f"onbox {__version__}",
        **{name: metric for name, metric in metrics.items() if metric},
        "was_cancelled": False,
        "is_complete": True,
        "onbox": {"contender": each.name, "model": each.model, **each.judged},
    }


def _of_all(each: MeasuredContender) -> dict[str, Any] | None:
    """Of all requests together, where several ran at a time."""
    rate = each.speed.system_tok_s
    return None if rate is None else {"unit": "tokens/sec", "avg": rate}


def _metric(unit: str, found: Summary | None, factor: float = 1) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "unit": unit,
        "avg": found.mean * factor,
        "p50": found.median * factor,
        "min": found.least * factor,
        "max": found.most * factor,
        "std": found.std * factor,
        "count": len(found.values),
    }
