"""How fast the client stamps and reads a stream, on one core: by how much its stamps are late at a given pace.

A server in a process of its own, on another core, sends one event at a time, each in a write of its own with the
monotonic time in it, as fast as it is asked to. The client reads with the code that every measurement and the agent
use: `StampedClient` stamps the socket reads, `ReplyReader` parses as they come. The lag of a stamp is the stamp less
the time in the event. Run it on a quiet box with two cores or more:

    python bench/reader_throughput.py [--rate 20000] [--seconds 3] [--runs 5] [--without-reader]

On a busy one root may take the cores for a moment:

    chrt -f 1 python bench/reader_throughput.py --runs 1 --seconds 0.5
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

from onbox.evidence.records import Exchange
from onbox.protocol.framing import SseParser
from onbox.protocol.reply_reader import ReplyReader
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
CHUNK = (
    'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":" word"}}],"created":1795564336,"id":'
    '"chatcmpl-Xh3zQ1yqgX0","model":"m","system_fingerprint":"b11549","object":"chat.completion.chunk","sent_ns":"%019d"}\n\n'
)
"""As long as one of llama.cpp's; the time is text, for JSON has no number of fixed length."""
FRAME = f"{len((CHUNK % 0).encode()):x}\r\n".encode() + CHUNK.encode() + b"\r\n"
RATE_ASKED, LAG_ASKED_S = 20_000, 0.001


@dataclass(frozen=True)
class Run:
    """One stream: events, their pace, socket reads, lags in seconds and the client's share of its core."""

    events: int
    per_s: float
    reads: int
    lags_s: list[float]
    cpu_share: float

    def percentile_s(self, share: int) -> float:
        """Of the lags."""
        return statistics.quantiles(self.lags_s, n=100, method="inclusive")[share - 1]


def serve(rate: float, events: int) -> None:
    """Answer each request with a paced stream; a write that is late is made at once, so that the pace is kept."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(65_536)
                connection.sendall(HEAD)
                gap_ns, due = 1e9 / rate, float(time.monotonic_ns())
                for _ in range(events):
                    while (now := time.monotonic_ns()) < due:
                        pass
                    connection.sendall(FRAME % now)
                    due += gap_ns
                connection.sendall(b"0\r\n\r\n")


def measure(endpoint: Endpoint, read: bool) -> Run:
    """Read one stream, parsing it as it comes if `read`."""
    reader, began, cpu = ReplyReader(), time.monotonic(), time.process_time()
    with StampedClient(endpoint, read_timeout_s=30) as client:
        exchange = client.request("GET", "/", None, purpose="measured", on_read=reader.feed if read else None)
    cpu, spent = time.process_time() - cpu, time.monotonic() - began
    if exchange.error:
        raise SystemExit(f"the exchange failed: {exchange.error}")
    lags_s, sent_ns = _lags(exchange)
    if read and reader.end().chunks != len(lags_s):
        raise SystemExit("the reader lost events")
    pace = (len(sent_ns) - 1) * 1e9 / (sent_ns[-1] - sent_ns[0])
    return Run(len(lags_s), pace, len(exchange.chunks), lags_s, cpu / spent)


def _lags(exchange: Exchange) -> tuple[list[float], list[int]]:
    parser, lags_s, sent_ns = SseParser(), [], []
    for t_ns, text in exchange.chunks:
        for event in parser.feed(text.encode()):
            sent_ns.append(int(json.loads(event)["sent_ns"]))
            lags_s.append((exchange.t0_ns + t_ns - sent_ns[-1]) / 1e9)
    return lags_s, sent_ns


def main() -> None:
    """Measure several streams and say whether each kept pace."""
    parser = argparse.ArgumentParser(description="How late stamps are at a given pace.")
    parser.add_argument("--rate", type=float, default=RATE_ASKED, help="events a second")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each stream")
    parser.add_argument("--runs", type=int, default=5, help="streams")
    parser.add_argument("--without-reader", action="store_true", help="stamp and keep the bytes, parse later")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    events = round(options.rate * options.seconds)
    cores = sorted(os.sched_getaffinity(0))
    if options.serve:
        os.sched_setaffinity(0, {cores[-1]})
        serve(options.rate, events)
    command = [sys.executable, __file__, "--serve", "--rate", str(options.rate), "--seconds", str(options.seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        endpoint = Endpoint("http", "127.0.0.1", int(server.stdout.readline()))
        os.sched_setaffinity(0, {cores[0]})
        try:
            runs = [measure(endpoint, not options.without_reader) for _ in range(options.runs)]
        finally:
            server.kill()
    print(f"load {os.getloadavg()[0]:.2f}, {len(cores)} cores, the client on one; lags in ms")
    print(f"{'events':>9}{'events/s':>10}{'reads':>9}{'median':>9}{'p99':>9}{'max':>9}{'core':>8}")
    for run in runs:
        lags = [1e3 * lag for lag in (statistics.median(run.lags_s), run.percentile_s(99), max(run.lags_s))]
        numbers = "".join(f"{lag:9.3f}" for lag in lags)
        print(f"{run.events:9,}{run.per_s:10,.0f}{run.reads:9,}{numbers}{100 * run.cpu_share:7.0f}%")
    kept = sum(run.per_s > 0.99 * options.rate and run.percentile_s(99) < LAG_ASKED_S for run in runs)
    print(f"{kept} of {len(runs)} kept {options.rate:,.0f} events a second with a p99 below 1 ms")


if __name__ == "__main__":
    main()
