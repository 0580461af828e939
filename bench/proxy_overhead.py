"""What the recording proxy adds: time to the first byte, delay of each chunk and rate, with and without it.

A server in a process of its own streams events at a fixed rate, each with the monotonic time at which it was sent. The
client and the proxy share this process, as the built-in agent and the proxy do. Requests go by turns straight to the
server and through the proxy, so that a disturbance of the box hits both. Run it on a quiet box:

    python bench/proxy_overhead.py [--rate 100] [--events 200] [--requests 5]
"""

import argparse
import json
import math
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from onbox.evidence.records import Exchange
from onbox.protocol.framing import SseParser
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from onbox.wire.proxy import RecordingProxy

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
PADDING = "x" * 180
"""Makes an event as long as one of llama.cpp's."""


@dataclass
class Seen:
    """Delays of one route, in seconds."""

    first_byte_s: list[float] = field(default_factory=list)
    chunk_s: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    """Events a second of each request, from its first event to its last."""

    def add(self, exchange: Exchange) -> None:
        """Take in one exchange."""
        if exchange.error or exchange.status != 200:
            raise SystemExit(f"the exchange failed: {exchange.error or exchange.status}")
        self.first_byte_s.append(exchange.chunks[0][0] / 1e9)
        arrived_s: list[float] = []
        parser = SseParser()
        for t_ns, text in exchange.chunks:
            for event in parser.feed(text.encode()):
                self.chunk_s.append((exchange.t0_ns + t_ns - json.loads(event)["sent_ns"]) / 1e9)
                arrived_s.append(t_ns / 1e9)
        if arrived_s[-1] > arrived_s[0]:  # of what came in one read there is no rate
            self.rates.append((len(arrived_s) - 1) / (arrived_s[-1] - arrived_s[0]))

    def line(self, name: str) -> str:
        """For people: milliseconds, and events a second."""
        numbers = [
            *(1e3 * share for share in (statistics.median(self.first_byte_s), max(self.first_byte_s))),
            *(1e3 * share for share in (statistics.median(self.chunk_s), _percentile(self.chunk_s, 99))),
        ]
        return f"{name:8}" + "".join(
            f"{number:12.3f}" for number in (*numbers, statistics.median(self.rates or [math.nan]))
        )


def _percentile(values: list[float], share: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]


def serve(rate: float, events: int) -> None:
    """Answer every request on every connection, one connection at a time, with a stream of stamped events."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while _read_request(connection):
                    connection.sendall(HEAD)
                    due = time.monotonic()
                    for _ in range(events):
                        payload = json.dumps({"sent_ns": time.monotonic_ns(), "padding": PADDING})
                        data = f"data: {payload}\n\n".encode()
                        connection.sendall(b"%x\r\n%s\r\n" % (len(data), data))
                        due += 1 / rate
                        time.sleep(max(0.0, due - time.monotonic()))
                    connection.sendall(b"0\r\n\r\n")


def _read_request(connection: socket.socket) -> bool:
    """Read one request with a Content-Length; False when the client has left."""
    data = b""
    while b"\r\n\r\n" not in data:
        received = connection.recv(65_536)
        if not received:
            return False
        data += received
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(lengths[0]) - len(body)
    while missing > 0:
        missing -= len(connection.recv(missing))
    return True


def main() -> None:
    """Measure both routes by turns and print both."""
    parser = argparse.ArgumentParser(description="What the recording proxy adds.")
    parser.add_argument("--rate", type=float, default=100.0, help="events a second")
    parser.add_argument("--events", type=int, default=200, help="events of each request")
    parser.add_argument("--requests", type=int, default=5, help="requests by each route")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.rate, options.events)
    command = [sys.executable, __file__, "--serve", "--rate", str(options.rate), "--events", str(options.events)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server, tempfile.TemporaryDirectory() as scratch:
        assert server.stdout is not None
        upstream = Endpoint("http", "127.0.0.1", int(server.stdout.readline()))
        routes = {"straight": Seen(), "proxied": Seen()}
        try:
            with RecordingProxy(upstream) as proxy, proxy.recording("bench", Path(scratch, "wire.jsonl")) as through:
                for turn in range(options.requests + 1):
                    for name, endpoint in (("straight", upstream), ("proxied", through)):
                        with StampedClient(endpoint, read_timeout_s=30) as client:
                            exchange = client.post("/chat/completions", {"stream": True}, purpose="measured")
                        if turn:  # the first of each route warms up what is imported and allocated once
                            routes[name].add(exchange)
        finally:
            server.kill()
    print(f"load {os.getloadavg()[0]:.2f}, {options.requests} requests by each route, {options.rate:g} events/s, in ms")
    print(f"{'route':8}{'TTFB':>12}{'TTFB max':>12}{'chunk':>12}{'chunk p99':>12}{'events/s':>12}")
    for name, seen in routes.items():
        print(seen.line(name))
    straight, proxied = routes["straight"], routes["proxied"]
    first_ms = 1e3 * (statistics.median(proxied.first_byte_s) - statistics.median(straight.first_byte_s))
    slower = 1 - statistics.median(proxied.rates) / statistics.median(straight.rates)
    print(f"the proxy adds {first_ms:.3f} ms to the first byte (p50) and slows the stream by {slower:.2%}")


if __name__ == "__main__":
    main()
