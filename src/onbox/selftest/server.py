"""A server that plays scripts: each write at its own deadline, and counters that are exact."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import h11

from onbox.engines import all_facts
from onbox.engines.emulation import PROMPT_TOKENS
from onbox.selftest.api_emulators import engines_own
from onbox.selftest.script import Script, answer, script
from onbox.selftest.shapes import SHAPES, Shape, TokenTiming
from onbox.speed.api_requests import APIS

READ_BYTES = 65_536
TOKENS_DEFAULT = 128
TOKENS_MAX = 8192
STRAY_TOKENS = 50
LATE_SECONDS = "onbox_selftest_late_seconds_total"
END = 8
"""An eighth of the writes of a reply is one of its ends."""
LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict")
REASONS = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}
KNOWN = {"capital of France": "Paris"}
"""What the servers know: clients ask it to see whether a model makes sense before they measure it."""
PATHS = {api.path: name for name, api in APIS.items()}
_STREAM_UNASKED = frozenset(name for name, api in engines_own().items() if api.streams_unasked)
_PAGE = next(facts.metrics_page for facts in all_facts() if facts.metrics_page)


class ServedCounters:
    """What the server counts, under the names of the engine whose page it plays; a request is counted when it ends."""

    def __init__(self) -> None:
        self.running = 0
        self.started = 1
        self.late_s = 0.0
        """By how much this process came late at the ends of replies: their rate was not the one that is known."""
        self._reset()

    def _reset(self) -> None:
        self._requests = self._generated = self._prompt = 0
        self._decode_s = 0.0

    def count(self, shape: Shape, played: Script) -> None:
        """Count one request of this shape."""
        stray = shape.counters == "stray"
        self._requests += 1 + stray
        self._generated += played.tokens + STRAY_TOKENS * stray
        self._prompt += PROMPT_TOKENS * (1 + stray)
        self._decode_s += played.decode_s * (1 + STRAY_TOKENS * stray / max(1, played.tokens))
        if shape.counters == "reset":
            self._reset()
            self.started += 1

    def text(self) -> str:
        """Prometheus text."""
        values = {
            ("counter", _PAGE.prompt): self._prompt,
            ("counter", _PAGE.generated): self._generated,
            ("counter", _PAGE.cached): 0,
            ("counter", _PAGE.preemptions): 0,
            ("gauge", _PAGE.running): self.running,
            ("gauge", _PAGE.waiting): 0,
            ("gauge", "process_start_time_seconds"): self.started,
            ("counter", LATE_SECONDS): round(self.late_s, 6),
            ("histogram", _PAGE.output_tokens): (self._generated, self._requests),
            ("histogram", _PAGE.decode_s): (self._decode_s, self._requests),
        }
        lines = []
        for (kind, name), value in values.items():
            lines.append(f"# TYPE {name} {kind}")
            if isinstance(value, tuple):
                lines += [
                    f'{name}_bucket{{le="+Inf"}} {value[1]}',
                    f"{name}_sum {value[0]}",
                    f"{name}_count {value[1]}",
                ]
            else:
                lines.append(f"{name} {value}")
        return "\n".join(lines) + "\n"


class ShapeServer:
    """Serves on loopback.

    Args:
        tempo: when tokens are made.
        only: the shape of every model; None: the model's name says which.
    """

    def __init__(self, tempo: TokenTiming, only: Shape | None = None) -> None:
        self._tempo = tempo
        self._only = only
        self._counters = ServedCounters()

    async def listen(self, port: int = 0) -> tuple[asyncio.Server, int]:
        """Start to listen on 127.0.0.1; returns the server and its port.

        Raises:
            OSError: the port is taken.
        """
        server = await asyncio.start_server(self._connected, "127.0.0.1", port)
        return server, server.sockets[0].getsockname()[1]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h11.Connection(h11.SERVER)
        # Cancelled when the servers end: what is open is dropped, and the loop has nothing to complain about.
        with suppress(ConnectionError, h11.RemoteProtocolError, asyncio.CancelledError):
            while await self._exchange(http, reader, writer):
                http.start_next_cycle()
        writer.close()

    async def _exchange(self, http: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; True when the connection can take another."""
        target, body = "", b""
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                if http.they_are_waiting_for_100_continue:
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                http.receive_data(await reader.read(READ_BYTES))
            elif isinstance(event, h11.Request):
                target = event.target.decode("latin-1").partition("?")[0]
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return False
        kept = await self._answer(target, body, writer)
        if kept:
            # The bytes went out by hand, shapes being what h11 would not send; it only has to know that they did.
            http.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
            http.send(h11.EndOfMessage())
        return kept and http.their_state is h11.DONE

    async def _answer(self, target: str, body: bytes, writer: asyncio.StreamWriter) -> bool:
        if target in PATHS:
            return await self._speak(PATHS[target], _object(body), writer)
        if target == "/metrics" and (self._only is None or self._only.counters != "none"):
            return await _plain(writer, 200, "text/plain; version=0.0.4", self._counters.text())
        if target == "/v1/models":
            names = SHAPES if self._only is None else [self._only.name]
            listed = [{"id": name, "object": "model", "owned_by": "onbox selftest"} for name in names]
            return await _plain(writer, 200, "application/json", json.dumps({"object": "list", "data": listed}))
        if target == "/health":
            return await _plain(writer, 200, "application/json", '{"status": "ok"}')
        return await _refuse(writer, f"{target}: no such path")

    async def _speak(self, api: str, request: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        began = asyncio.get_running_loop().time()
        shape = self._only or SHAPES.get(str(request.get("model")))
        if shape is None:
            return await _refuse(writer, f"{request.get('model')}: no such model; /v1/models lists the shapes")
        known = _known(request) if api == "chat" else None
        if api != shape.api and known is None:
            return await _refuse(writer, f"the shape {shape.name} is served by {APIS[shape.api].path}")
        streamed = request.get("stream", api in _STREAM_UNASKED) is True
        if known is None:
            played, version = script(shape, _length(request), self._tempo, streamed), shape.http
        else:
            played, version = answer(known, self._tempo, streamed), "1.1"
        self._counters.running += 1
        try:
            return await self._play(played, version, began, writer)
        finally:
            self._counters.running -= 1
            self._counters.count(shape, played)

    async def _play(self, played: Script, version: str, began: float, writer: asyncio.StreamWriter) -> bool:
        """Send a script; True when the connection can take another request."""
        chunked = version == "1.1"
        transport = {"transfer-encoding": "chunked"} if chunked else {"connection": "close"}
        await _until(began + played.head_s)
        late_s = []
        writer.write(_head(version, played.status, played.headers | transport))
        for beat in played.beats:
            late_s.append(await _until(began + beat.at_s))
            if beat.data:
                writer.write(b"%x\r\n%s\r\n" % (len(beat.data), beat.data) if chunked else beat.data)
                await writer.drain()
        if chunked and played.whole:
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        some = max(1, len(late_s) // END)
        self._counters.late_s += max(late_s[:some], default=0.0) + max(late_s[-some:], default=0.0)
        return chunked and played.whole


async def _until(moment: float) -> float:
    """Sleep to an absolute moment, so that lateness never adds up; returns by how much it is late."""
    clock = asyncio.get_running_loop().time
    await asyncio.sleep(max(0.0, moment - clock()))
    return clock() - moment


async def _plain(writer: asyncio.StreamWriter, status: int, content_type: str, text: str) -> bool:
    data = text.encode()
    headers = {"content-type": content_type, "content-length": str(len(data))}
    writer.write(_head("1.1", status, headers) + data)
    await writer.drain()
    return True


async def _refuse(writer: asyncio.StreamWriter, message: str) -> bool:
    return await _plain(writer, 404, "application/json", json.dumps({"error": {"message": message}}))


def _head(version: str, status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/{version} {status} {REASONS[status]}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _known(request: dict[str, Any]) -> str | None:
    """The answer to the last message, where it is one of the questions that every shape answers alike."""
    messages = request.get("messages")
    last_message = json.dumps(messages[-1:]) if isinstance(messages, list) else ""
    return next((known for question, known in KNOWN.items() if question in last_message), None)


def _length(request: dict[str, Any]) -> int:
    options = request.get("options")
    named = {**(options if isinstance(options, dict) else {}), **request}
    tokens = next((named[name] for name in LENGTHS if isinstance(named.get(name), int)), TOKENS_DEFAULT)
    return min(max(2, tokens), TOKENS_MAX)
