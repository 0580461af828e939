"""The JSON and the CSV of llama-benchy 0.4.0 (`results.py` there): one entry for each decode measurement.

`tg_throughput` holds the decode rate of each request by onbox's ruler. What onbox does not measure (the prompt's rate,
peaks, the first byte of any kind) stays empty.
"""

import csv
import io
from collections.abc import Sequence
from typing import Any

from onbox import __version__
from onbox.evidence.folder import TrialFolder
from onbox.exporters import Export
from onbox.exporters.measured import MeasuredContender, as_json, measured
from onbox.judge.results import Verdict
from onbox.judge.summary import Summary, summary

VERSION = f"onbox {__version__}"
"""In place of llama-benchy's own, so that nobody takes these for its numbers."""
METRICS = ("t_s", "t_s_req", "peak_ts", "peak_ts_req", "ttfr", "est_ppt", "e2e_ttft")
HEADER = ("model", "test_name", *(f"{metric}_{what}" for metric in METRICS for what in ("mean", "std")))


class Json:
    """llama-benchy's `--format json`: a file for each contender, for each names one model."""

    name = "llama-benchy"

    def export(self, folder: TrialFolder, verdict: Verdict) -> Export:
        """A report for each contender."""
        shown, notes = measured(verdict)
        at = folder.plan().created_at
        notes += [note for each in shown if (note := _no_prompt(each))]
        names = dict.fromkeys(each.name for each in shown)
        reports = {name: _report([each for each in shown if each.name == name], at) for name in names}
        return Export({f"{name}.json": as_json(report) for name, report in reports.items()}, tuple(notes))


class Csv:
    """llama-benchy's `--format csv`: a row for each contender and number of requests at a time."""

    name = "llama-benchy-csv"

    def export(self, folder: TrialFolder, verdict: Verdict) -> Export:
        """One table."""
        shown, notes = measured(verdict)
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, HEADER)
        writer.writeheader()
        writer.writerows(_row(each) for each in shown)
        return Export({"llama-benchy.csv": text.getvalue().encode()}, tuple(notes))


def _report(cells: Sequence[MeasuredContender], at: str) -> dict[str, Any]:
    """Of one contender: an entry for each number of requests at a time."""
    return {
        "version": VERSION,
        "timestamp": at,
        "latency_mode": "none",
        "latency_ms": 0.0,
        "model": cells[0].model,
        "prefix_caching_enabled": False,
        "max_concurrency": max(each.concurrency for each in cells),
        "benchmarks": [_run(each) for each in cells],
    }


def _run(each: MeasuredContender) -> dict[str, Any]:
    rates, ttfts = _metric(each.rates_tok_s), _metric(each.ttfts_s, 1000)
    prompt = _prompt_tokens(each)
    return {
        "concurrency": each.concurrency,
        "context_size": each.speed.profile.get("depth_tokens"),
        "prompt_size": 0 if prompt is None else round(prompt.median),
        "response_size": each.speed.profile.get("tokens"),
        "is_context_prefill_phase": False,
        "pp_throughput": None,
        "pp_req_throughput": None,
        "tg_throughput": _total(each),
        "tg_req_throughput": rates,
        "peak_throughput": None,
        "peak_req_throughput": None,
        "ttfr": None,
        "est_ppt": None,
        "e2e_ttft": ttfts,
        "throughput_over_time": None,
        "requests_throughput_over_time": None,
        "onbox": each.judged,
    }


def _total(each: MeasuredContender) -> dict[str, Any] | None:
    """llama-benchy's total: of one request at a time its rate, of several that of all together."""
    if each.concurrency == 1:
        return _metric(each.rates_tok_s)
    rate = each.speed.system_tok_s
    return None if rate is None else {"mean": rate, "std": 0.0, "values": [rate]}


def _prompt_tokens(each: MeasuredContender) -> Summary | None:
    return summary([one.prompt_tokens for one in each.speed.each])


def _no_prompt(each: MeasuredContender) -> str:
    if _prompt_tokens(each) is not None:
        return ""
    return f"{each.name}: prompt_size is 0, for the format wants a number and the server gave none"


def _metric(found: Summary | None, factor: float = 1) -> dict[str, Any] | None:
    if found is None:
        return None
    values = [value * factor for value in found.values]
    return {"mean": found.mean * factor, "std": found.std * factor, "values": values}


def _row(each: MeasuredContender) -> dict[str, Any]:
    found = {"t_s": _total(each), "t_s_req": _metric(each.rates_tok_s), "e2e_ttft": _metric(each.ttfts_s, 1000)}
    numbers = {f"{name}_{what}": metric[what] for name, metric in found.items() if metric for what in ("mean", "std")}
    return {"model": each.model, "test_name": each.test, **numbers}
