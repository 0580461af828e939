"""A server process that speaks three APIs with llama.cpp's counters, and a script in the place of a model.

    python -m tests.doubles.scripted_engine --port 0 --mode good

It prints `port N` when it listens. Tokens leave at absolute deadlines, so that its rate is known; the counters count
each token that was sent, exactly once, when its request has ended.
"""

import argparse
import asyncio
import contextlib
import json
import mmap
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tests.doubles.frames import Counts, Frames, frames_of
from tests.doubles.script import HOSTILE, MODES, Answer, answer, mode_of

FIRST_TOKEN_S = 0.005
SLOW_TOK_S = 40.0
STALL_S = 600.0
"""Silence before the first token of an answer to an agent in the mode `stall`."""


@dataclass
class Engine:
    """The server's state.

    Args:
        mode: one of `script.MODES`.
        tok_s: tokens a second.
        load_s: how long `/health` answers 503.
        die_on: the completion, counted from 1, in whose stream the process ends; only in the mode `die`.
        stall_s: silence before the first token of an answer to the agent.
    """

    mode: str
    tok_s: float
    load_s: float
    die_on: int
    stall_s: float
    started: float = field(default_factory=time.monotonic)
    loading: bool = True
    completions: int = 0
    running: int = 0
    prompt_tokens: int = 0
    prompt_s: float = 0.0
    predicted: int = 0
    predicted_s: float = 0.0

    owned_by: ClassVar[str] = "scripted"

    @property
    def model(self) -> str:
        """Its name, as hostile as its answers in the mode `html`."""
        return f"scripted-{self.mode}" + (HOSTILE if self.mode == "html" else "")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while (request := await _request(reader)) is not None:
                await self.reply(writer, *request)
        writer.close()

    async def reply(self, writer: asyncio.StreamWriter, method: str, path: str, body: dict[str, Any]) -> None:
        """One request."""
        if self.loading or time.monotonic() - self.started < self.load_s:
            await send(writer, 503, {"error": {"code": 503, "message": "Loading model"}})
        elif path == "/health":
            await send(writer, 200, {"status": "ok"})
        elif path == "/v1/models":
            data = [{"id": self.model, "object": "model", "owned_by": self.owned_by, "max_model_len": 8192}]
            await send(writer, 200, {"object": "list", "data": data})
        elif path == "/metrics":
            await send(writer, 200, self.metrics(), "text/plain; version=0.0.4")
        elif path.partition("?")[0] == "/v1/messages/count_tokens":
            await send(writer, 200, {"input_tokens": len(json.dumps(body)) // 4})
        else:
            mode = mode_of(body.get("model"), self.mode)
            reply = answer(mode, body) if method == "POST" else Answer()
            frames = frames_of(path, self.model, reply, body) if method == "POST" else None
            if frames is None:
                await send(writer, 404, {"error": {"code": 404, "message": "File Not Found"}})
            else:
                await self.complete(writer, mode, body, frames)

    def metrics(self) -> str:
        """llama.cpp's names; more digits than llama.cpp prints."""
        values = {
            "prompt_tokens_total": self.prompt_tokens,
            "prompt_tokens_cached_total": 0,
            "prompt_seconds_total": self.prompt_s,
            "tokens_predicted_total": self.predicted,
            "tokens_predicted_seconds_total": self.predicted_s,
            "requests_processing": self.running,
            "requests_deferred": 0,
        }
        return "".join(
            f"# HELP llamacpp:{name} scripted\n"
            f"# TYPE llamacpp:{name} {'counter' if name.endswith('_total') else 'gauge'}\n"
            f"llamacpp:{name} {value!r}\n"
            for name, value in values.items()
        )

    def timings(self, prompt_tokens: int, sent: int, prompt_s: float, decode_s: float) -> dict[str, Any]:
        """The times of one request, in llama.cpp's words."""
        return {
            "cache_n": 0,
            "prompt_n": prompt_tokens,
            "prompt_ms": 1000 * prompt_s,
            "predicted_n": sent,
            "predicted_ms": 1000 * decode_s,
        }

    async def complete(self, writer: asyncio.StreamWriter, mode: str, body: dict[str, Any], frames: Frames) -> None:
        """A completion, streamed or whole."""
        self.completions += 1
        number, reply = self.completions, frames.answer
        if reply.failure:
            await send(writer, reply.status, frames.error(reply.status, reply.failure))
            return
        prompt = body.get("messages") or body.get("prompt") or body.get("input")
        prompt_tokens = max(1, len(json.dumps(prompt)) // 4)
        pieces = reply.pieces()[: body.get("max_tokens")]
        if body.get("tools"):
            await asyncio.sleep(STALL_S if mode == "stall" else self.stall_s)
        began = time.monotonic()
        first = last = began + FIRST_TOKEN_S
        streamed, sent = bool(body.get("stream")), 0
        self.running += 1
        try:
            if streamed:
                writer.write(_head(200, "text/event-stream") + b"Transfer-Encoding: chunked\r\n\r\n")
                writer.write(b"".join(map(_chunk, frames.start())))
            for position, piece in enumerate(pieces):
                await asyncio.sleep(max(0.0, first + position / self.tok_s - time.monotonic()))
                last = time.monotonic()
                if not position:
                    first = last
                sent += 1
                if mode == "die" and number >= self.die_on and position == len(pieces) // 2:
                    os._exit(7)
                if streamed:
                    writer.write(b"".join(map(_chunk, frames.delta(piece, first=not position))))
                    await writer.drain()
        finally:
            self.running -= 1
            self.prompt_tokens += prompt_tokens
            self.prompt_s += first - began
            self.predicted += sent
            self.predicted_s += last - first
        counts = Counts(prompt_tokens, sent if reply.tokens is None else reply.tokens)
        timings = self.timings(prompt_tokens, sent, first - began, last - first)
        if not streamed:
            await send(writer, 200, frames.whole(counts, timings))
            return
        writer.write(b"".join(map(_chunk, frames.end(counts, timings))) + b"0\r\n\r\n")
        await writer.drain()


async def _request(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, Any]] | None:
    """Method, path and JSON body of the next request; None when the client has closed."""
    head = await reader.readline()
    if not head:
        return None
    method, path, _ = head.decode("latin-1").split(" ", 2)
    length = 0
    while (line := (await reader.readline()).decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            length = int(value)
    data = await reader.readexactly(length)
    return method, path, json.loads(data) if data else {}


def _head(status: int, kind: str) -> bytes:
    return f"HTTP/1.1 {status} Scripted\r\nServer: scripted\r\nContent-Type: {kind}\r\n".encode()


async def send(writer: asyncio.StreamWriter, status: int, body: Any, kind: str = "application/json") -> None:
    """A whole answer."""
    data = (body if isinstance(body, str) else json.dumps(body)).encode()
    writer.write(_head(status, kind) + f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
    await writer.drain()


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def _hold(mib: int, mib_s: float) -> AsyncIterator[bytearray]:
    """Take memory in chunks of 16 MiB at absolute deadlines, every page written."""
    began = time.monotonic()
    for number in range(mib // 16):
        yield bytearray(b"x") * (16 << 20)
        await asyncio.sleep(max(0.0, began + (number + 1) * 16 / mib_s - time.monotonic()))


def _share(path: str) -> mmap.mmap:
    """As an engine's workers share memory: by a file in /dev/shm."""
    with open(path, "w+b") as file:
        file.truncate(1 << 20)
        return mmap.mmap(file.fileno(), 1 << 20)


async def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--mode", choices=sorted(MODES), default="good")
    parser.add_argument("--tok-s", type=float)
    parser.add_argument("--load-s", type=float, default=0.0)
    parser.add_argument("--stall-s", type=float, default=0.0)
    parser.add_argument("--die-on", type=int, default=1)
    parser.add_argument("--hold-mib", type=int, default=0, help="memory that it takes while it loads, and keeps")
    parser.add_argument("--hold-mib-s", type=float, default=500.0, help="how fast")
    parser.add_argument("--shared", help="a file of 1 MiB that it makes, maps and never removes")
    parser.add_argument("--deaf", action="store_true", help="ignore SIGTERM")
    result = parser.parse_args()
    if result.deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    tok_s = result.tok_s or (SLOW_TOK_S if result.mode == "slow" else 1000.0)
    engine = Engine(result.mode, tok_s, result.load_s, result.die_on, result.stall_s)
    print("using device: scripted\nload_model: loading model", flush=True)
    server = await asyncio.start_server(engine.serve, "127.0.0.1", result.port)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.sleep(result.load_s)
    _segment = _share(result.shared) if result.shared else None
    held = [chunk async for chunk in _hold(result.hold_mib, result.hold_mib_s)]
    print(f"{len(held)} chunks held\nmodel loaded", flush=True)
    engine.loading = False
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
