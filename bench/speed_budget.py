"""What a budget of 90 s buys on servers of 3, 6, 30, 100 and 600 tok/s: tokens, requests and the uncertainty stated.

    PYTHONPATH=src:. .venv/bin/python bench/speed_budget.py [TOK_S ...]

The servers pace their tokens by the clock, with a scatter of 2 % from request to request, and have no counters.
"""

import random
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.builders import delta, event, usage_event
from tests.doubles.server import Asked, Wire, serving

from onbox.app.speed import measure_speed
from onbox.trial import events

RATES = (3.0, 6.0, 30.0, 100.0, 600.0)
SCATTER = 0.02


def main() -> None:
    """Print one table."""
    print("| server | took | requests | tokens each | said | status |\n|---|---|---|---|---|---|")
    for tok_s in [float(each) for each in sys.argv[1:]] or RATES:
        pace = random.Random(tok_s)

        def script(asked: Asked, wire: Wire, tok_s: float = tok_s, pace: random.Random = pace) -> None:
            if asked.path == "/v1/models":
                wire.whole(200, {"data": [{"id": "m"}]})
            elif b"capital of France" in asked.body:
                wire.stream(
                    [(delta(finish_reason="stop", content="Paris") + usage_event(9, 2) + event("[DONE]")).encode()]
                )
            elif asked.method != "POST":
                wire.whole(404, b"none")
            else:
                tokens = int(asked.json().get("max_tokens", 1))
                gap_s = pace.gauss(1, SCATTER) / tok_s
                pieces = [delta(content="x ").encode()] * (tokens - 1)
                pieces.append(delta(finish_reason="length", content="x ").encode())
                wire.stream([*pieces, (usage_event(9, tokens) + event("[DONE]")).encode()], gap_s=gap_s)

        with serving(script) as server, TemporaryDirectory() as folder:
            began_s = time.monotonic()
            found = measure_speed(server.url + "/v1", model="m", out=Path(folder) / "trial", show=_notes)
            took_s = time.monotonic() - began_s
            said = found.measurement
            failed = [f"{each.id}: {each.hint}" for each in said.checks if each.status.value == "fail"]
            print(*failed, sep="\n", file=sys.stderr)
            half = f"± {said.uncertainty.relative:.1%}" if said.uncertainty else "not known"
            print(
                f"| {tok_s:.0f} tok/s | {took_s:.0f} s | {said.requests} | {said.profile['tokens']} "
                f"| {said.decode_tok_s} {half} | {said.status.value} |",
                flush=True,
            )


def _notes(event: events.Event) -> None:
    if isinstance(event, events.MeasurementProgress) and event.note:
        print(event.note, file=sys.stderr)


if __name__ == "__main__":
    main()
