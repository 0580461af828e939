"""What becomes of replies that no server should send: `onbox speed`, `onbox preflight`, `onbox bench` and the proxy.

Each seed is a server of its own (`tests/fuzz/hostile.py`) and one run of a command against it, whole, from its
arguments to what it prints and writes. The server is another process, so that the memory is that of onbox. Every fourth
batch has onbox's own limits of bytes; the others have small ones, so that reaching them takes moments. Times of waiting
are shortened in all. It takes half an hour of processor time:

    PYTHONPATH=src:. python bench/hostile_replies.py [--each 500] [--jobs 4] [--json]

It ends with exit code 1 if a reply brought a traceback, a number that is none, something but text to the terminal, a
record that is no JSON, a pass, more than 60 s, or more than 300 MB beyond what the command holds with a sound server.
"""

import argparse
import contextlib
import gc
import io
import json
import math
import multiprocessing
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from tests.e2e.cli import environment
from tests.fuzz.hostile import ESCAPE, KINDS, LIMITS, hostile

CONSUMERS = ("speed", "preflight", "bench", "proxy")
BATCH = 25
OWN_LIMITS_EVERY = 4
EACH_S = 60.0
MEMORY_MB = 300.0
NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
CHILD_S = 1800
SERVER_S_WORDS = ("usage", "timings", "metrics", "durations")
SIGNED = ("checks", "exit_code", "gate")
"""What may hold a negative number: what a check observed, and how a process ended."""


@dataclass
class Tally:
    """What became of some replies.

    Args:
        outcomes: how often each.
        faults: what must not be, by its kind.
        examples: one of each kind of fault.
    """

    runs: int = 0
    replies: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    slowest_s: float = 0.0
    memory_mb: float = 0.0

    def fault(self, kind: str, example: str) -> None:
        self.faults[kind] += 1
        self.examples.setdefault(kind, example)

    def add(self, other: "Tally") -> None:
        self.runs += other.runs
        self.replies += other.replies
        self.outcomes += other.outcomes
        self.faults += other.faults
        self.examples = {**other.examples, **self.examples}
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.memory_mb = max(self.memory_mb, other.memory_mb)

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "outcomes": dict(self.outcomes.most_common()), "faults": dict(self.faults)}

    @classmethod
    def of(cls, line: dict[str, Any]) -> "Tally":
        return cls(**{**line, "outcomes": Counter(line["outcomes"]), "faults": Counter(line["faults"])})


# ---------------------------------------------------------------- the server, a process of its own


def serve(orders: Connection) -> None:
    """One hostile server after the other, as ordered; answers its URL, and at its end the number of replies."""
    while (order := orders.recv()) is not None:
        with hostile(*order) as server:
            orders.send(server.url)
            orders.recv()
            orders.send(len(server.kinds))


class Servers:
    """Hostile servers in a process that was forked before onbox was imported."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("fork")
        self._orders, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)
        self._process.start()

    @contextlib.contextmanager
    def one(self, seed: int, kind: str | None, opening: int, tally: Tally) -> Iterator[str]:
        """A server of that seed; yields its URL."""
        self._orders.send((seed, kind, opening))
        url = self._orders.recv()
        try:
            yield url
        finally:
            self._orders.send("over")
            tally.replies += self._orders.recv()

    def close(self) -> None:
        self._orders.send(None)
        self._process.join(60)


# ---------------------------------------------------------------- who reads the replies


def command(arguments: list[str], tally: Tally) -> tuple[int | None, str]:
    """A command of onbox in this process: exit code and standard output. What it must not do is in the tally."""
    from onbox.cli.main import run

    stdout, stderr = io.StringIO(), io.StringIO()
    code: int | None = None
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            run(arguments)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else None
        except Exception as error:
            tally.fault("traceback", f"{type(error).__name__}: {error}"[:300])
    printed = stdout.getvalue() + stderr.getvalue()
    if "Traceback (most recent call last)" in printed:
        tally.fault("traceback", printed[printed.index("Traceback") :][-600:])
    if found := NOT_TEXT.search(printed.replace("\n", "")):
        tally.fault("no text", repr(printed[max(0, found.start() - 60) : found.end() + 20]))
    return code, stdout.getvalue()


def strict(text: str, where: str, tally: Tally) -> Any:
    """A JSON document; one that is none, or holds NaN or Infinity, is a fault."""

    def none(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    try:
        return json.loads(text, parse_constant=none)
    except ValueError as error:
        tally.fault("no JSON", f"{where}: {error}")
        return None


def numbers(value: Any) -> Iterator[float]:
    """Every number of a document, but those that may be below zero."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from () if name in SIGNED else numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def look_at(folder: Path, printed: Any, tally: Tally) -> None:
    """All that was written is JSON, and what was made of it has numbers that can be."""
    if wrong := [number for number in numbers(printed) if not math.isfinite(number) or number < 0]:
        tally.fault("no number", f"{wrong[:3]} in {json.dumps(printed)[:300]}")
    for path in folder.rglob("*.json*"):
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        for part in text.splitlines() if path.suffix == ".jsonl" else [text]:
            document = strict(part, path.name, tally)
            if path.name == "run.json" and isinstance(document, dict) and document.get("fault_kind") == "harness":
                tally.fault("traceback", document["fault"])


def refused(code: int | None, printed: Any) -> str:
    """How a command ended that gave no result, in words without numbers, so that they can be counted."""
    said = printed.get("error", {}).get("message", "") if isinstance(printed, dict) else ""
    words = re.sub(r"https?://\S+|[0-9]+(\.[0-9]+)*", "", said).split(": ")[-1].strip()
    return f"exit {code}: {' '.join(words.split())[:50]}" if words else f"exit {code}"


def speed(url: str, folder: Path, tally: Tally) -> str:
    few = ("--tokens", "16", "--requests", "1", "--at-least", "0", "--budget", "2", "--json")
    code, text = command(["speed", url, *few, "--out", str(folder)], tally)
    printed = strict(text, "printed", tally) if text else None
    look_at(folder, printed, tally)
    return f"a measurement, {printed['status']}" if code == 0 and printed else refused(code, printed)


def preflight(url: str, folder: Path, tally: Tally) -> str:
    code, text = command(["preflight", url, "--json", "--out", str(folder)], tally)
    printed = strict(text, "printed", tally) if text else None
    look_at(folder, printed, tally)
    if code != 0 or not isinstance(printed, dict) or "tools" not in printed:
        return refused(code, printed)
    return "cases, tools work" if printed["tools"] else "cases, tools do not work"


def bench(url: str, folder: Path, tally: Tally) -> str:
    few = ("--task", "fill-json", "--runs", "2", "--json")
    code, text = command(["bench", url, *few, "--out", str(folder)], tally)
    printed = strict(text, "printed", tally) if text else None
    look_at(folder, printed, tally)
    if code != 0 or not isinstance(printed, dict) or not printed.get("runs"):
        return refused(code, printed)
    if any(each["outcome"] == "passed" for each in printed["runs"]):
        tally.fault("passed", json.dumps(printed["runs"])[:300])
    return "runs, " + " ".join(sorted({each["code"] for each in printed["runs"]}))


def proxy(url: str, folder: Path, tally: Tally) -> str:
    """Requests of an agent, odd ones too, and CONNECT; then their record."""
    from onbox.atomic_files import as_json
    from onbox.evidence.folder import read_lines
    from onbox.evidence.records import Exchange
    from onbox.evidence.replies import read_reply
    from onbox.wire.client import StampedClient
    from onbox.wire.endpoint import Endpoint
    from onbox.wire.proxy import RecordingProxy

    bodies: tuple[object, ...] = ({"model": "m", "stream": True}, {"deep": json.loads("[" * 90 + "]" * 90)}, ESCAPE)
    errors = io.StringIO()
    ends = []
    with contextlib.redirect_stderr(errors):
        try:
            with (
                RecordingProxy(Endpoint.parse(url)) as relay,
                relay.recording("a", folder / "wire.jsonl") as endpoint,
                StampedClient(endpoint, 1.0, 5.0) as agent,
            ):
                ends = [agent.post("/chat/completions", body, purpose="x") for body in bodies]
                connect(endpoint.port, f"{endpoint.prefix}/v1")
                ends.append(agent.get("/v1/models"))
            records = [Exchange.model_validate(line) for line in read_lines(folder / "wire.jsonl")]
            kept = [json.loads(as_json(read(read_reply(each)))) for each in (*records, *ends)]
        except Exception as error:
            tally.fault("traceback", f"{type(error).__name__}: {error}"[:300])
            return "broken by onbox"
    if "Traceback" in errors.getvalue():
        tally.fault("traceback", errors.getvalue()[-600:])
    look_at(folder, kept, tally)
    return "all recorded, " + ("some broken" if any(each.error for each in records) else "all whole")


def read(reply: Any) -> dict[str, Any]:
    """What was made of a reply; its counts and times in the server's own words are for those who judge them."""
    made = {name: value for name, value in asdict(reply).items() if name not in SERVER_S_WORDS}
    counts = ("completion_tokens", "hidden_tokens", "prompt_tokens", "counted")
    return {**made, **{name: getattr(reply, name) for name in counts}}


def connect(port: int, path: str) -> None:
    """Ask the proxy for a tunnel, as an agent could, and go on talking."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5.0) as raw:
        raw.settimeout(5.0)
        raw.sendall(f"CONNECT {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode() + b"\0" * 1000)
        while raw.recv(65_536):
            pass


USED: dict[str, Callable[[str, Path, Tally], str]] = {
    "speed": speed,
    "preflight": preflight,
    "bench": bench,
    "proxy": proxy,
}


# ---------------------------------------------------------------- a batch, in a process of its own


def hurried(small: bool) -> None:
    """Shorten what onbox waits for, and its limits; ask the sandbox once for its probes, not once for each server."""
    from functools import cache

    import onbox.preflight
    import onbox.trial.runner
    from onbox.bench import probing
    from onbox.speed import scraping
    from onbox.wire.client import StampedClient
    from onbox.wire.exchange_recorder import ExchangeRecorder
    from onbox.wire.limits import WireLimits
    from onbox.wire.proxy import RecordingProxy

    scraping.IDLE_GAP_S, scraping.QUIESCENCE_S, onbox.preflight.PATIENCE_S = 0.0, 0.1, 3.0
    once = cache(probing.sandbox_of)
    for module in list(sys.modules.values()):
        if getattr(module, "sandbox_of", None) is probing.sandbox_of:
            module.sandbox_of = once  # type: ignore[attr-defined]
    for owner in (StampedClient, RecordingProxy, ExchangeRecorder) if small else ():
        defaults = owner.__init__.__defaults__ or ()
        changed = tuple(LIMITS if isinstance(each, WireLimits) else each for each in defaults)
        assert changed != defaults
        owner.__init__.__defaults__ = changed


def memory_mb(name: str) -> float:
    """A line of /proc/self/status: VmRSS, or VmHWM, the peak since it was forgotten."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(f"{name}:"))) / 1024


def forget_peak() -> None:
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")


def batch(consumer: str, first: int, last: int, small: bool) -> Tally:
    """The seeds from `first` on, until before `last`."""
    servers, tally, names = Servers(), Tally(), list(KINDS)
    hurried(small)
    with tempfile.TemporaryDirectory(prefix="onbox-hostile-") as home:
        for name in ("first", "sound"):
            forget_peak()
            with servers.one(0, "sound", 0, Tally()) as url:
                USED[consumer](url, Path(home, name), Tally())
        baseline_mb = memory_mb("VmHWM")
        forget_peak()
        for seed in range(first, last):
            source = Random(f"opening {seed}")
            opening = source.choice([0, source.randrange(25)])
            # Each kind alone, then any of them, another for each request.
            kind = names[seed % len(names)] if seed < 4 * len(names) else None
            began = time.monotonic()
            with servers.one(seed, kind, opening, tally) as url:
                try:
                    outcome = USED[consumer](url, Path(home, str(seed)), tally)
                except Exception as error:
                    outcome = "broken by onbox"
                    tally.fault("traceback", f"{type(error).__name__}: {error}"[:300])
            took_s, more_mb = time.monotonic() - began, memory_mb("VmHWM") - baseline_mb
            if took_s > EACH_S:
                tally.fault("slow", f"seed {seed} ({kind}): {took_s:.0f} s")
            if more_mb > MEMORY_MB:
                tally.fault("memory", f"seed {seed} ({kind}): {more_mb:.0f} MB")
            for fault in tally.examples:
                if "seed" not in tally.examples[fault]:
                    tally.examples[fault] = f"seed {seed} ({kind}, {opening}): {tally.examples[fault]}"
            tally.runs += 1
            tally.outcomes[outcome] += 1
            tally.slowest_s, tally.memory_mb = max(tally.slowest_s, took_s), max(tally.memory_mb, more_mb)
            forget_peak()
    servers.close()
    return tally


def in_child(piece: tuple[str, int, int, bool]) -> tuple[str, Tally]:
    consumer, first, last, small = piece
    words = ["--child", consumer, str(first), str(last), str(int(small))]
    done = subprocess.run(
        [sys.executable, __file__, *words], capture_output=True, text=True, env=environment(), timeout=CHILD_S
    )
    if done.returncode != 0:
        lost = Tally(runs=last - first)
        lost.fault("traceback", f"seeds {first} to {last}: exit {done.returncode}: {done.stderr[-600:]}")
        return consumer, lost
    return consumer, Tally.of(json.loads(done.stdout.splitlines()[-1]))


def table(found: dict[str, Tally]) -> str:
    """Markdown."""
    rows = ["| command | runs | replies | outcomes | tracebacks | no number or no JSON | not text | slowest | memory |"]
    rows.append("|---|---|---|---|---|---|---|---|---|")
    for name, tally in found.items():
        outcomes = ", ".join(f"{count} {what}" for what, count in tally.outcomes.most_common(8))
        if rest := sum(count for _, count in tally.outcomes.most_common()[8:]):
            outcomes += f", {rest} in {len(tally.outcomes) - 8} other ways"
        faults = tally.faults
        rows.append(
            f"| {name} | {tally.runs} | {tally.replies} | {outcomes} | {faults['traceback']}"
            f" | {faults['no number'] + faults['no JSON']} | {faults['no text']} | {tally.slowest_s:.1f} s"
            f" | +{tally.memory_mb:.0f} MB |"
        )
    return "\n".join(rows)


def main() -> None:
    """Run the batches side by side and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--each", type=int, default=500, help="runs of each command")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--only", choices=CONSUMERS, action="append")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        consumer, first, last, small = options.child
        print(json.dumps(batch(consumer, int(first), int(last), bool(int(small))).as_json()))
        return
    found = {name: Tally() for name in options.only or CONSUMERS}
    pieces = [
        (name, at, min(at + BATCH, options.first + options.each), (at // BATCH) % OWN_LIMITS_EVERY != 1)
        for at in range(options.first, options.first + options.each, BATCH)
        for name in found
    ]
    with ThreadPoolExecutor(options.jobs) as pool:
        for consumer, tally in pool.map(in_child, pieces):
            found[consumer].add(tally)
    if options.json:
        print(json.dumps({name: tally.as_json() for name, tally in found.items()}, indent=1))
    else:
        print(table(found))
    for name, tally in found.items():
        for fault, example in tally.examples.items():
            print(f"{name}: {fault}, {tally.faults[fault]} times, such as {example}", file=sys.stderr)
    sys.exit(1 if any(tally.faults for tally in found.values()) else 0)


if __name__ == "__main__":
    main()
