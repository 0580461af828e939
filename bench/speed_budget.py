"""What a budget of 90 s buys on servers of 3, 6, 30, 100 and 600 tok/s: tokens, requests and the uncertainty stated.

    PYTHONPATH=src:. .venv/bin/python bench/speed_budget.py [TOK_S ...]

The servers pace their tokens by deadlines of the clock, with a scatter of 2 % from request to request that is written
down: the rate that they really had is known, and stands beside the one that was measured. They have llama.cpp's
counters. The servers sleep and do not compute, so the measurement is judged with the processor time of others left out:
on a busy box the check FOREIGN_CPU, which is right, would refuse it.
"""

import random
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.builders import metrics_text
from tests.doubles.server import ReceivedRequest, Wire, serving
from tests.exchanges import delta, event, usage_event

from onbox.app.speed import measure_speed
from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import load_speed
from onbox.evidence.replies import read_reply
from onbox.evidence.trial_evidence import SpeedEvidence
from onbox.judge.speed.measurement import measure
from onbox.trial import events

RATES = (3.0, 6.0, 30.0, 100.0, 600.0)
SCATTER = 0.02
HEAD = (
    "| server | requests took | whole command | requests | tokens each | ended by | its rate, tok/s | measured "
    "| off by | status |\n|---|---|---|---|---|---|---|---|---|---|"
)


class PacedServer:
    """A script for `serving`; `made` has (tokens, seconds from one to the next) of each completion."""

    def __init__(self, tok_s: float) -> None:
        self._tok_s = tok_s
        self._pace = random.Random(tok_s)
        self.made: list[tuple[int, float]] = []

    def __call__(self, request: ReceivedRequest, wire: Wire) -> None:
        if request.path == "/v1/models":
            wire.whole(200, {"data": [{"id": "m"}]})
        elif b"capital of France" in request.body:
            wire.stream([(delta(finish_reason="stop", content="Paris") + usage_event(9, 2) + event("[DONE]")).encode()])
        elif request.path == "/metrics":
            tokens = sum(tokens for tokens, _ in self.made)
            seconds = sum(max(1, tokens - 1) * gap_s for tokens, gap_s in self.made)
            wire.whole(200, metrics_text(tokens, seconds).encode(), content_type="text/plain")
        elif request.method != "POST":
            wire.whole(404, b"none")
        else:
            self._complete(int(request.json().get("max_tokens", 1)), wire)

    def _complete(self, tokens: int, wire: Wire) -> None:
        gap_s = self._pace.gauss(1, SCATTER) / self._tok_s
        wire.head(200, content_type="text/event-stream", transfer_encoding="chunked")
        began = time.monotonic()
        for n in range(tokens):
            wire.pause(max(0.0, began + n * gap_s - time.monotonic()))
            wire.chunk(delta(finish_reason="length" if n == tokens - 1 else None, content="x ").encode())
        wire.chunk((usage_event(9, tokens) + event("[DONE]")).encode())
        wire.send(b"0\r\n\r\n")
        self.made.append((tokens, gap_s))

    def rate_of_last(self, requests: int) -> float:
        """Of the requests that counted: they are the last."""
        last = self.made[-requests:]
        return sum(tokens - 1 for tokens, _ in last) / sum((tokens - 1) * gap_s for tokens, gap_s in last)


def main() -> None:
    """Print one table."""
    print(HEAD, flush=True)
    for tok_s in [float(each) for each in sys.argv[1:]] or RATES:
        script = PacedServer(tok_s)
        with serving(script) as server, TemporaryDirectory() as folder:
            began_s = time.monotonic()
            done = measure_speed(server.url + "/v1", model="m", out=Path(folder) / "trial", show=_notes)
            took_s = time.monotonic() - began_s
            trial = TrialFolder(done.folder)
            evidence = load_speed(trial, trial.plan().contenders[0].name)
        assert evidence is not None
        found = measure(_alone(evidence))
        truth = script.rate_of_last(found.requests)
        ends = Counter(
            read_reply(each).finish_reason or "none" for each in evidence.exchanges if each.purpose == "measured"
        )
        first, last = evidence.exchanges[0], evidence.exchanges[-1]
        spent_s = (last.t0_ns + (last.ended_ns or 0) - first.t0_ns) / 1e9
        rate, known = found.decode_tok_s, found.uncertainty.relative if found.uncertainty else None
        said = "none" if rate is None else f"{rate:.4g}" + ("" if known is None else f" ± {known:.1%}")
        off = "" if rate is None else f"{rate / truth - 1:+.2%}"
        doubts = " ".join(each.id for each in found.checks if each.status.value != "pass")
        print(
            f"| {tok_s:.0f} tok/s | {spent_s:.1f} s | {took_s:.1f} s | {found.requests} | {evidence.run.plan.tokens} "
            f"| {', '.join(f'{reason} {count}' for reason, count in ends.items())} | {truth:.4g} | {said} | {off} "
            f"| {found.status.value}{': ' * bool(doubts)}{doubts} |",
            flush=True,
        )


def _alone(evidence: SpeedEvidence) -> SpeedEvidence:
    """As if nobody else had used the processors."""
    windows = {
        number: window.model_copy(update={"busy_s": (window.engine_s or 0.0) + window.own_s})
        for number, window in evidence.cpu.items()
    }
    return replace(evidence, cpu=windows)


def _notes(event: events.Event) -> None:
    if isinstance(event, events.MeasurementProgress) and event.note:
        print(event.note, file=sys.stderr)


if __name__ == "__main__":
    main()
