"""An engine of a stranger's package: its own log, counters, times, raw route and advice, nothing of another engine."""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onbox.engines import Launch
from onbox.engines.base import Advice, EngineFacts, ProcessSigns, RawRoute
from onbox.engines.log_lines import BackendLine, Landmark, LogLines
from onbox.engines.scrape import idle_signs
from onbox.schema.engine_profile import CounterNames, DecodeRate, EngineProfile, ReplyTiming
from onbox.schema.recipe import Recipe
from tests.doubles import scripted_engine

if TYPE_CHECKING:
    from onbox.evidence.records import Exchange
    from onbox.wire.client import StampedClient

RAW_PATH = "/nova/raw"
RAW_NAME = f"Nova, {RAW_PATH}"
LOG = LogLines(
    landmarks=(
        Landmark("load", "nova: reading"),
        Landmark("capture", "nova: capturing"),
        Landmark("ready", "nova: up"),
    ),
    backends=(BackendLine("device", r"nova: device (?P<backend>\w+)"),),
)
PROFILE = EngineProfile(
    engine="nova",
    counters=CounterNames(
        generated=("nova:out_tokens_total",),
        rates=(DecodeRate("nova:out_tokens_total", "nova:out_seconds_total", firsts="nova:done_total"),),
        requests=("nova:done_total",),
        prompt=("nova:in_tokens_total",),
        never_preempts=True,
        running=("nova:active",),
        live=("nova:out_tokens_total",),
    ),
    timing=ReplyTiming(part="timings", seconds="nova_out_ms", per_second=1e3, tokens="nova_out", first_excluded=True),
)


def _raw(client: "StampedClient", body: Mapping[str, Any]) -> tuple[RawRoute | None, list["Exchange"]]:
    return RawRoute(RAW_PATH, {"messages": body.get("messages"), "max_tokens": 64}, RAW_NAME), []


def _advice(case: Advice) -> str:
    started = f", started with {' '.join(case.options)}" if case.options else ""
    return f"Nova: --mend {case.trouble.name.lower()}{started}"


FACTS = EngineFacts(
    name="Nova",
    owned_by=("nova",),
    profile=PROFILE,
    log=LOG,
    signs=ProcessSigns(programs={"nova-serve": ()}),
    raw_completion=_raw,
    advice=_advice,
)


class Nova:
    """Starts this module as a program."""

    name = "nova"
    metrics_path: str | None = "/metrics"
    facts = FACTS

    def launch(self, recipe: Recipe, weights: Path, port: int) -> Launch:
        return Launch(
            argv=(sys.executable, "-m", "tests.doubles.nova_plugin", str(port), "--lazily"),
            log=LOG,
            stop_hint="see nova's log",
        )

    def version(self) -> str | None:
        return "nova 1"

    def ready(self, client: "StampedClient") -> bool:
        return client.get("/health").status == 200

    def idle(self, metrics_text: str) -> dict[str, float]:
        return idle_signs(metrics_text, PROFILE)

    def props(self, client: "StampedClient") -> dict[str, Any]:
        return {"server": "nova", "version": "1", "model": "nova-lazy"}


class NovaServer(scripted_engine.Engine):
    """The scripted server with Nova's names."""

    owned_by = "nova"
    finished = 0

    async def reply(self, writer: asyncio.StreamWriter, method: str, path: str, body: dict[str, Any]) -> None:
        if path == RAW_PATH:
            text = '<tool_call>{"name": "write", "arguments": {"path": "config.json"}}</tool_call>'
            await scripted_engine.send(writer, 200, {"text": text})
        else:
            await super().reply(writer, method, path, body)

    def metrics(self) -> str:
        values = {
            "in_tokens_total": self.prompt_tokens,
            "out_tokens_total": self.predicted,
            "out_seconds_total": self.predicted_s,
            "done_total": self.finished,
            "active": self.running,
        }
        kinds = {name: "counter" if name.endswith("_total") else "gauge" for name in values}
        return "".join(f"# TYPE nova:{name} {kinds[name]}\nnova:{name} {value!r}\n" for name, value in values.items())

    def timings(self, prompt_tokens: int, sent: int, prompt_s: float, decode_s: float) -> dict[str, Any]:
        self.finished += 1
        return {"nova_out": sent, "nova_out_ms": 1000 * decode_s}


def register(folder: Path) -> None:
    """Write what pip would install, so that onbox finds the engine when `folder` is on PYTHONPATH."""
    info = folder / "onbox_nova-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: onbox-nova\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[onbox.engines]\nnova = tests.doubles.nova_plugin:Nova\n")


async def main(port: int) -> None:
    """Serve until the process is ended; the model calls no tool."""
    engine = NovaServer("lazy", 800.0, 0.0, 1, 0.0)
    print("nova: device abacus\nnova: reading weights", flush=True)
    server = await asyncio.start_server(engine.serve, "127.0.0.1", port)
    await asyncio.sleep(0.3)
    print("nova: capturing", flush=True)
    await asyncio.sleep(0.3)
    print("nova: up", flush=True)
    engine.loading = False
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--lazily", action="store_true")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(parser.parse_args().port))
