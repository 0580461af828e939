"""Plain CSV: a row for each contender and number of requests at a time, with the status and the reasons that other
formats have no place for."""

import csv
import io

from onbox.evidence.folder import TrialFolder
from onbox.exporters import Export
from onbox.exporters.measured import doubts
from onbox.judge.results import Measurement, Verdict

HEADER = (
    "trial",
    "contender",
    "model",
    "status",
    "rate_of",
    "decode_tok_s",
    "system_tok_s",
    "low_tok_s",
    "high_tok_s",
    "client_bursts_tok_s",
    "engine_counters_tok_s",
    "engine_timings_tok_s",
    "cold_tok_s",
    "ttft_s",
    "requests",
    "tokens",
    "tokens_a_request",
    "depth_tokens",
    "concurrency",
    "engine",
    "not_passed",
)


class PlainCsv:
    """One table; a rate that failed a check is empty, and the row says which check."""

    name = "csv"

    def export(self, folder: TrialFolder, verdict: Verdict) -> Export:
        """The table."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, HEADER)
        writer.writeheader()
        for contender in verdict.contenders:
            cells = contender.speed.cells if contender.speed else ()
            writer.writerows(_row(verdict.trial, contender.name, speed) for speed in (contender.speed, *cells))
        return Export({"speed.csv": text.getvalue().encode()})


def _row(trial: str, contender: str, speed: Measurement | None) -> dict[str, object]:
    row: dict[str, object] = {"trial": trial, "contender": contender}
    if speed is None:
        return row | {"status": "not measured"}
    low, high = speed.interval or (None, None)
    return (
        row
        | {f"{witness.name}_tok_s": witness.tok_s for witness in speed.witnesses}
        | {
            "model": speed.profile.get("model"),
            "status": speed.status.value,
            "rate_of": speed.rate_of,
            "decode_tok_s": speed.decode_tok_s,
            "system_tok_s": speed.system_tok_s,
            "low_tok_s": low,
            "high_tok_s": high,
            "cold_tok_s": speed.cold_tok_s,
            "ttft_s": speed.ttft_s,
            "requests": speed.requests,
            "tokens": speed.tokens,
            "tokens_a_request": speed.profile.get("tokens"),
            "depth_tokens": speed.profile.get("depth_tokens"),
            "concurrency": speed.profile.get("concurrency"),
            "engine": speed.profile.get("engine"),
            "not_passed": "; ".join(doubts(speed)),
        }
    )
