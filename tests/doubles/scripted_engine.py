"""A server process that speaks OpenAI's protocol with llama.cpp's counters, and a script in the place of a model.

    python -m tests.doubles.scripted_engine --port 0 --mode good

It prints `port N` when it listens. Tokens leave at absolute deadlines, so that its rate is known; the counters count
each token that was sent, exactly once, when its request has ended.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.script import HOSTILE, MODES, Answer, answer

FIRST_TOKEN_S = 0.005
SLOW_TOK_S = 40.0


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
    completions: int = 0
    running: int = 0
    prompt_tokens: int = 0
    prompt_s: float = 0.0
    predicted: int = 0
    predicted_s: float = 0.0

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
        if time.monotonic() - self.started < self.load_s:
            await _send(writer, 503, {"error": {"code": 503, "message": "Loading model"}})
        elif path == "/health":
            await _send(writer, 200, {"status": "ok"})
        elif path == "/v1/models":
            data = [{"id": self.model, "object": "model", "owned_by": "scripted", "max_model_len": 8192}]
            await _send(writer, 200, {"object": "list", "data": data})
        elif path == "/metrics":
            await _send(writer, 200, self.metrics(), "text/plain; version=0.0.4")
        elif method == "POST" and path in ("/v1/chat/completions", "/v1/completions"):
            await self.complete(writer, body, chat=path == "/v1/chat/completions")
        else:
            await _send(writer, 404, {"error": {"code": 404, "message": "File Not Found"}})

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

    async def complete(self, writer: asyncio.StreamWriter, body: dict[str, Any], *, chat: bool) -> None:
        """A completion, streamed or whole."""
        self.completions += 1
        number, said = self.completions, answer(self.mode, body)
        if said.failure:
            error = {"code": 500, "message": said.failure, "type": "server_error"}
            await _send(writer, 500, {"error": error})
            return
        prompt_tokens = max(1, len(json.dumps(body.get("messages") or body.get("prompt"))) // 4)
        pieces = said.pieces()[: body.get("max_tokens")]
        if self.stall_s and body.get("tools"):
            await asyncio.sleep(self.stall_s)
        began = time.monotonic()
        first = last = began + FIRST_TOKEN_S
        frames = _Frames(self.model, said, chat)
        streamed, sent = bool(body.get("stream")), 0
        self.running += 1
        try:
            if streamed:
                writer.write(_head(200, "text/event-stream") + b"Transfer-Encoding: chunked\r\n\r\n")
            for position, piece in enumerate(pieces):
                await asyncio.sleep(max(0.0, first + position / self.tok_s - time.monotonic()))
                last = time.monotonic()
                if not position:
                    first = last
                sent += 1
                if self.mode == "die" and number == self.die_on and position == len(pieces) // 2:
                    os._exit(7)
                if streamed:
                    writer.write(_chunk(_event(frames.delta(piece, first=not position))))
                    await writer.drain()
        finally:
            self.running -= 1
            self.prompt_tokens += prompt_tokens
            self.prompt_s += first - began
            self.predicted += sent
            self.predicted_s += last - first
        claimed = sent if said.tokens is None else said.tokens
        usage = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": claimed,
            "total_tokens": prompt_tokens + claimed,
            "prompt_tokens_details": {"cached_tokens": 0},
        }
        timings = {
            "cache_n": 0,
            "prompt_n": prompt_tokens,
            "prompt_ms": 1000 * (first - began),
            "predicted_n": sent,
            "predicted_ms": 1000 * (last - first),
        }
        if not streamed:
            await _send(writer, 200, frames.whole("".join(pieces)) | {"usage": usage, "timings": timings})
            return
        end = b"".join(map(_chunk, frames.end(usage, timings, asked=bool(body.get("stream_options")))))
        writer.write(end + b"0\r\n\r\n")
        await writer.drain()


@dataclass(frozen=True)
class _Frames:
    """The JSON around the pieces of an answer."""

    model: str
    said: Answer
    chat: bool

    def _frame(self, choice: dict[str, Any], **more: Any) -> dict[str, Any]:
        kind = ("chat.completion.chunk" if "delta" in choice else "chat.completion") if self.chat else "text_completion"
        choices = [{"index": 0, "finish_reason": None, **choice}]
        return {"id": "cmpl-1", "object": kind, "created": int(time.time()), "model": self.model,
                "choices": choices, **more}  # fmt: skip

    def _call(self, arguments: str, *, named: bool) -> list[dict[str, Any]]:
        assert self.said.call is not None
        function = {"name": self.said.call[0], "arguments": arguments} if named else {"arguments": arguments}
        identity = {"id": f"call-{time.monotonic_ns()}", "type": "function"} if named else {}
        return [{"index": 0, **identity, "function": function}]

    def delta(self, piece: str, *, first: bool) -> dict[str, Any]:
        """One event of a stream."""
        if not self.chat:
            return self._frame({"text": piece})
        role = {"role": "assistant"} if first else {}
        shown = {"tool_calls": self._call(piece, named=first)} if self.said.call else {"content": piece}
        return self._frame({"delta": role | shown})

    def whole(self, text: str) -> dict[str, Any]:
        """The answer as one document."""
        finish = {"finish_reason": self.said.finish_reason()}
        if not self.chat:
            return self._frame({"text": text, **finish})
        called = {"tool_calls": self._call(text, named=True)} if self.said.call else {}
        content = None if self.said.call else self.said.content
        return self._frame({"message": {"role": "assistant", "content": content, **called}, **finish})

    def end(self, usage: dict[str, Any], timings: dict[str, Any], *, asked: bool) -> Iterator[bytes]:
        """The last events of a stream."""
        finish = {"finish_reason": self.said.finish_reason()}
        shown: dict[str, Any] = {"text": ""}
        if self.chat:
            shown = {"delta": {"content": None} if self.said.content is None else {}}
        yield _event(self._frame({**shown, **finish}, timings=timings))
        if asked:
            yield _event(self._frame({}) | {"choices": [], "usage": usage, "timings": timings})
        yield b"data: [DONE]\n\n"


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


async def _send(writer: asyncio.StreamWriter, status: int, body: Any, kind: str = "application/json") -> None:
    data = (body if isinstance(body, str) else json.dumps(body)).encode()
    writer.write(_head(status, kind) + f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
    await writer.drain()


def _event(frame: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(frame).encode() + b"\n\n"


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--mode", choices=sorted(MODES), default="good")
    parser.add_argument("--tok-s", type=float)
    parser.add_argument("--load-s", type=float, default=0.0)
    parser.add_argument("--stall-s", type=float, default=0.0)
    parser.add_argument("--die-on", type=int, default=1)
    parser.add_argument("--deaf", action="store_true", help="ignore SIGTERM")
    told = parser.parse_args()
    if told.deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    tok_s = told.tok_s or (SLOW_TOK_S if told.mode == "slow" else 1000.0)
    engine = Engine(told.mode, tok_s, told.load_s, told.die_on, told.stall_s)
    print("load_model: loading model", flush=True)
    server = await asyncio.start_server(engine.serve, "127.0.0.1", told.port)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.sleep(told.load_s)
    print("model loaded", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
