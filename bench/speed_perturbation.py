"""Whether `onbox speed` slows the server that it measures: decode rates by the engine's own clock, watched and alone.

The embedded engine serves the smallest model with one thread. By turns it is measured as `onbox speed` does it (stamped
client, counters scraped, monitor at ten looks a second), and asked the same by a client that waits for the end of the
stream and does nothing else. A request counts only while hardly anybody else used the processors. Run it on a quiet
box:

    python bench/speed_perturbation.py [--rounds 10]
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from statistics import median
from urllib.request import Request, urlopen

from onbox import recipes
from onbox.engines.llama.embedded import LlamaEmbedded
from onbox.evidence.folder import read_lines
from onbox.evidence.records import CpuWindow, Exchange, SpeedPlan, Telemetry
from onbox.evidence.replies import read_reply
from onbox.fetch import pinned
from onbox.judge.speed.engine_reported import engine_time
from onbox.judge.thresholds import FOREIGN_CPU_WARN
from onbox.launch.lifetime import Lifetime
from onbox.speed.measure import SpeedRun
from onbox.speed.prompts import prompt
from onbox.speed.telemetry import CpuMeter

REQUESTS = 4
TOKENS = 48


def watched(life: Lifetime, folder: Path, seed: int) -> list[float]:
    """Rates of quiet requests that onbox measured."""
    plan = SpeedPlan(requests=REQUESTS, tokens=TOKENS, warmup_requests_max=1, seed=seed)
    with life.client() as client:
        run = SpeedRun(client, life.engine, life.model, plan, folder, launch_id="x", engine_pid=life.pid)
        run.cold()
        run.measure()
    made = [Exchange.model_validate(line) for line in read_lines(folder / "requests.jsonl")]
    lines = [Telemetry.model_validate(line) for line in read_lines(folder / "telemetry.jsonl") if "cpu" in line]
    windows = {line.request_id: line.cpu for line in lines}
    return [rate(one) for one in made if one.purpose == "measured" and is_quiet(windows[one.id])]


def alone(life: Lifetime, seed: int) -> list[float]:
    """Rates of quiet requests of a bare client."""
    meter, found = CpuMeter(life.pid), []
    for n in range(REQUESTS):
        asked = {"model": life.model, "max_tokens": TOKENS, "temperature": 0, "ignore_eos": True, "stream": True}
        body = json.dumps({**asked, "prompt": prompt(100 + seed, n)}).encode()
        request = Request(f"{life.endpoint}/completions", body, {"content-type": "application/json"})
        with meter.measuring(), urlopen(request, timeout=60) as answer:
            said = answer.read().decode()
        stream = {"content-type": "text/event-stream"}
        exchange = Exchange(
            id=n, purpose="x", started_at="", t0_ns=0, method="POST", path="", status=200, headers=stream,
            chunks=((0, said),),
        )  # fmt: skip
        assert meter.window is not None
        if is_quiet(meter.window):
            found.append(rate(exchange))
    return found


def is_quiet(window: CpuWindow) -> bool:
    """Whether hardly anybody else used the processors."""
    foreign_s = window.busy_s - (window.engine_s or 0.0) - window.own_s
    return foreign_s < FOREIGN_CPU_WARN * window.wall_s * window.cores


def rate(exchange: Exchange) -> float:
    """By the engine's clock."""
    told = engine_time(read_reply(exchange))
    assert told is not None, exchange.error
    return told[0] / told[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    recipe = recipes.load("smollm2-135m")
    recipe = recipe.model_copy(update={"serve": recipe.serve.model_copy(update={"threads": 1})})
    assert recipe.weights is not None
    weights, _ = pinned.fetch(recipe.weights, lambda done, total, source: None)
    sides: dict[str, list[float]] = {"watched": [], "alone": []}
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        with Lifetime(recipe, LlamaEmbedded(), weights, place / "engine") as life:
            for n in range(options.rounds):
                sides["watched"] += watched(life, place / str(n), seed=n)
                sides["alone"] += alone(life, seed=n)
    print(f"load {os.getloadavg()[0]:.2f}, {options.rounds} rounds of {REQUESTS} requests, quiet ones only, in tok/s")
    print(f"{'side':8}{'requests':>10}{'median':>10}{'best':>10}")
    for name, rates in sides.items():
        told = f"{median(rates):>10.2f}{max(rates):>10.2f}" if rates else "   none was quiet"
        print(f"{name:8}{len(rates):>10}{told}")


if __name__ == "__main__":
    main()
