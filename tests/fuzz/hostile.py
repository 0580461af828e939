"""A server that breaks things for a living: each reply is another, and which is told by a seed.

Some replies are no HTTP at all, some never end, some are too much, some are valid messages with something odd in one
place.
"""

import gzip
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from onbox.wire.limits import WireLimits

LIMITS = WireLimits(reply_bytes=2**20, line_bytes=2**18, request_s=1.5, head_s=0.7, kept_bytes=2**12)
"""Small, so that reaching them takes moments."""
READ_TIMEOUT_S = 0.5
LONGEST_S = 3.0
"""No reply goes on longer, though its client may have left it alone."""
ESCAPE = "\x1b]0;owned\x07\x1b[31m[/bold][link=x]\u202e\x9b2J"
DEEP = 100_000
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    5,
    10**18,
    1.5,
    -0.0,
    1e300,
    "",
    "x" * 10_000,
    ESCAPE,
    "\ud800",
    "\x00",
    [],
    {},
    [[]],
    [5],
    [None],
    {"": {}},
    {"message": ESCAPE},
    ["a"] * 2000,
)
RAW = (
    "1e999",
    "NaN",
    "-Infinity",
    "1" + "0" * 400,
    "9" * 5000,
    "[" * DEEP,
    '{"a":' * DEEP,
    "[" * 60 + "]" * 60,
    '"\\ud83d"',
)
"""What stands in the place of a value, as text: no JSON library would write it."""
PLACE = "@@here@@"

Reply = Callable[[socket.socket], None]


def chat_chunk(**delta: Any) -> dict[str, Any]:
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
    }


CALL = {"index": 0, "id": "c1", "type": "function", "function": {"name": "read", "arguments": '{"path": "a.txt"}'}}
USAGE = {
    "choices": [],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 0}},
    "timings": {"predicted_n": 5, "predicted_ms": 10.0, "prompt_n": 10, "prompt_ms": 1.0},
}
FINISH = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
STREAM = [
    chat_chunk(role="assistant", content="Paris "),
    chat_chunk(reasoning_content="hm"),
    chat_chunk(tool_calls=[CALL]),
]
STREAM += [chat_chunk(content="b"), FINISH, USAGE]
BODIES: dict[str, Any] = {
    "/v1/models": {"data": [{"id": "m", "owned_by": "llamacpp", "max_model_len": 8192, "root": "a/b"}]},
    "/props": {
        "default_generation_settings": {"n_ctx": 8192, "params": {"temperature": 0.8, "seed": 1}},
        "total_slots": 1,
        "modalities": {"vision": False},
        "build_info": "b1",
        "chat_template": "{{ x }}",
    },
    "/version": {"version": "0.1"},
    "/api/version": {"version": "0.1"},
    "/api/show": {"capabilities": ["vision"], "parameters": "x"},
}
WHOLE = {"choices": [{"index": 0, "message": {"content": "Paris", "tool_calls": [CALL]}, "finish_reason": "stop"}]} | {
    "usage": USAGE["usage"]
}
METRICS = (
    "# TYPE llamacpp:requests_processing gauge\nllamacpp:requests_processing 0\nllamacpp:tokens_predicted_total 5\n"
)


class HostileServer:
    """Answers each request by the next reply of its seed.

    Args:
        seed: which replies.
        kind: a name in `KINDS` that all replies are of; None: any.
        opening: so many requests first get what a real server says.
    """

    def __init__(self, seed: int, kind: str | None = None, opening: int = 0) -> None:
        self._random = random.Random(seed)
        self._kind = kind
        self._opening = opening
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.kinds: list[str] = []
        """Of the replies so far."""

    def run(self) -> None:
        """Accept until the listener is closed."""
        with suppress(OSError):
            while not self._ended.is_set():
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def close(self) -> None:
        self._ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, ValueError):
            connection.settimeout(LONGEST_S)
            while (path := _request(connection)) is not None:
                kind = self._kind or self._random.choice(list(KINDS))
                if len(self.kinds) < self._opening:
                    kind = "sound"
                self.kinds.append(kind)
                if not KINDS[kind](connection, self._random, path):
                    return


@contextmanager
def hostile(seed: int, kind: str | None = None, opening: int = 0) -> Iterator[HostileServer]:
    """A hostile server on loopback."""
    server = HostileServer(seed, kind, opening)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(60)


def _request(connection: socket.socket) -> str | None:
    """The path of the next request, read whole."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65_536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    length = int(lengths[0]) if lengths else 0
    while len(body) < length:
        body += connection.recv(65_536)
    target = head.split(b" ")[1].decode("latin-1").partition("?")[0]
    return target if target.startswith("/") else "/" + target


# ---------------------------------------------------------------- kinds of replies; True: the connection goes on


def garbage(to: socket.socket, source: random.Random, path: str) -> bool:
    to.sendall(
        source.choice([b"", source.randbytes(300), b"\x16\x03\x01" + source.randbytes(50), b"HTTP/1.1 abc\r\n\r\n"])
    )
    return False


def odd_heads(to: socket.socket, source: random.Random, path: str) -> bool:
    heads = (
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 5000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nabc",
        b"HTTP/1.1 200 OK\r\nserver: " + ESCAPE.encode() + b"\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nhello",
        b"HTTP/0.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: \x1b[31m\r\ncontent-length: 2\r\n\r\nab",
    )
    to.sendall(source.choice(heads))
    return False


def interim(to: socket.socket, source: random.Random, path: str) -> bool:
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        to.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(source.choice([0.0, 0.05]))
    return False


def silent(to: socket.socket, source: random.Random, path: str) -> bool:
    time.sleep(READ_TIMEOUT_S * 1.5)
    return False


def endless(to: socket.socket, source: random.Random, path: str) -> bool:
    kind = source.choice([b"text/event-stream", b"application/json", b"application/x-ndjson"])
    to.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\n\r\n")
    event = f"data: {json.dumps(chat_chunk(content='a'))}\n\n".encode()
    piece = source.choice(
        [event * 100, b"x" * 65_536, b"data: ", b": ping\n\n" * 100, b"\n" * 1000, b"data: x\n" * 1000]
    )
    until, slow = time.monotonic() + LONGEST_S, source.random() < 0.3
    while time.monotonic() < until:
        to.sendall(piece[:50] if slow else piece)
        time.sleep(0.02 if slow else 0.0)
    return False


def bomb(to: socket.socket, source: random.Random, path: str) -> bool:
    piece = source.choice([b"\0", b"\0", b"\n", b"[],", b": ping\n\n", b"\\", b'{"a":1}\n'])
    body = gzip.compress(piece * (source.choice([1000, 50_000_000]) // len(piece)), 1)
    if source.random() < 0.3:
        body = body[: len(body) // 2] + source.randbytes(20)
    if source.random() < 0.2:
        body = gzip.compress(b"") * 3000
    kind = source.choice([b"", b"content-type: text/event-stream\r\n", b"content-type: application/x-ndjson\r\n"])
    return whole(to, body, b"content-encoding: gzip\r\n" + kind)


def odd_json(to: socket.socket, source: random.Random, path: str) -> bool:
    """A valid body with something odd in one place, or nothing but something odd."""
    body = BODIES.get(path, WHOLE)
    if path.endswith("/metrics"):
        return odd_metrics(to, source, path)
    text = altered(body, source) if source.random() < 0.8 else source.choice([*RAW, *map(json.dumps, ODD)])
    return whole(to, text.encode("utf-8", "surrogatepass"), b"content-type: application/json\r\n")


def odd_metrics(to: socket.socket, source: random.Random, path: str) -> bool:
    text = source.choice(
        [
            METRICS.replace("0", source.choice(["NaN", "+Inf", "1e999", "x", "9" * 400])),
            METRICS + "a" * 100_000,
            METRICS.replace("gauge", "odd") + 'x{a="' + "\\" * 1000,
            METRICS * 500,
            METRICS + 'x{a="b"} 1\n' * 1_000_000,
        ]
    )
    return whole(to, text.encode(), b"content-type: text/plain\r\n")


def odd_stream(to: socket.socket, source: random.Random, path: str) -> bool:
    """A valid stream with one odd event, cut off at any byte, or with bytes changed."""
    if path in BODIES or path.endswith(("metrics", "health")):
        return odd_json(to, source, path)
    events = [json.dumps(event) for event in STREAM]
    for _ in range(source.choice([1, 1, 3])):
        number = source.randrange(len(events))
        events[number] = altered(STREAM[number], source)
    data = "".join(f"data: {event}\n\n" for event in events).encode("utf-8", "surrogatepass") + b"data: [DONE]\n\n"
    if source.random() < 0.2:
        data = data[: source.randrange(len(data))]
    if source.random() < 0.2:
        changed = bytearray(data)
        for _ in range(5):
            changed[source.randrange(len(changed))] = source.randrange(256)
        data = bytes(changed)
    to.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + data)
    return False


def odd_calls(to: socket.socket, source: random.Random, path: str) -> bool:
    """Calls with names, numbers and arguments that no tool takes, in pieces."""
    if path in BODIES or path.endswith(("metrics", "health")):
        return odd_json(to, source, path)
    events = []
    for _ in range(source.choice([1, 1, 2, 40])):
        texts = [
            *RAW,
            json.dumps(source.choice(ODD)),
            '{"path": ' + source.choice(RAW) + "}",
            '{"path": "a',
            "",
            ESCAPE,
        ]
        arguments = source.choice(texts)
        size = source.choice([1, 7, 10**6]) if len(arguments) < 1000 else 10**6
        number = source.choice([0, 1, -1, 10**9, 10**400, "0", None, [0]])
        name = source.choice(["read", "bash", "read\ud83d", ESCAPE, "x" * 100_000, "", "../../bin/sh", None, 5])
        pieces = [arguments[at : at + size] for at in range(0, len(arguments), size)] or [""]
        for at, piece in enumerate(pieces):
            function = {"name": name, "arguments": piece} if not at else {"arguments": piece}
            events.append(chat_chunk(tool_calls=[{"index": number, "id": "c1", "function": function}]))
    data = "".join(f"data: {json.dumps(event)}\n\n" for event in [*events, FINISH, USAGE]) + "data: [DONE]\n\n"
    return whole(to, data.encode(), b"content-type: text/event-stream\r\n")


def odd_frames(to: socket.socket, source: random.Random, path: str) -> bool:
    """Events that are no messages, lines of any length, ends of lines of any kind; chunks of any size; two replies."""
    sound = [f"data: {json.dumps(event)}" for event in STREAM]
    odd = [
        "data: 5",
        "data: [5]",
        "data: null",
        'data: "x"',
        "data:",
        "data",
        ": x",
        "event: error",
        "id: \0",
        "\ufeff",
    ]
    odd += ["retry: 1e999", "data: " + "[" * DEEP, "data: " + "x" * 2**19, "event: " + ESCAPE, "data: [DONE]", "{}"]
    odd += [f"data: {text}" for text in RAW]
    lines = [source.choice(odd) if source.random() < 0.4 else source.choice(sound) for _ in range(20)]
    end = source.choice(["\n\n", "\r\r", "\r\n\r\n", "\n", "\r\n", "\n\r\n"])
    body = end.join([*lines, "data: [DONE]", ""]).encode("utf-8", "surrogatepass")
    kind = source.choice([b"text/event-stream", b"text/event-stream; charset=utf-7", b"application/x-ndjson", b"x"])
    match source.randrange(3):
        case 0:
            return whole(to, body, b"content-type: " + kind + b"\r\n")
        case 1:
            whole(to, body, b"content-type: " + kind + b"\r\n")
            return whole(to, b"{}", b"")  # Nobody asked for it.
    to.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: " + kind + b"\r\n\r\n")
    size = source.choice([1, 3, 1000])
    for at in range(0, min(len(body), 2000 * size), size):
        piece = body[at : at + size]
        to.sendall(b"%x%s\r\n%s\r\n" % (len(piece), source.choice([b"", b";x=" + b"y" * 50]), piece))
    to.sendall(source.choice([b"0\r\n\r\n", b"0\r\nx: y\r\n\r\n", b"zz\r\n", b""]))
    return False


def tunnel(to: socket.socket, source: random.Random, path: str) -> bool:
    """What answers a CONNECT or an upgrade, and then no HTTP at all."""
    to.sendall(source.choice([b"HTTP/1.1 200 Connection Established", b"HTTP/1.0 200", b"HTTP/1.1 101 X"]) + b"\r\n")
    to.sendall(source.choice([b"", b"upgrade: h2c\r\nconnection: upgrade\r\n", b"content-length: 0\r\n"]) + b"\r\n")
    to.sendall(source.choice([b"", b"\0" * 1000, source.randbytes(1000)]))
    time.sleep(source.choice([0.0, READ_TIMEOUT_S]))
    return False


def errors(to: socket.socket, source: random.Random, path: str) -> bool:
    body = source.choice(
        [ESCAPE.encode(), json.dumps({"error": source.choice(ODD)}).encode(), b"\xff\xfe", b"x" * 100_000]
    )
    return whole(to, body, b"", status=source.choice([204, 301, 400, 404, 429, 500, 503]))


def sound(to: socket.socket, source: random.Random, path: str) -> bool:
    """What a real server says, so that the questions after the first are reached."""
    if path.endswith("/metrics"):
        return whole(to, METRICS.encode(), b"content-type: text/plain\r\n")
    if path in BODIES or path.endswith("/health"):
        return whole(to, json.dumps(BODIES.get(path, {})).encode(), b"content-type: application/json\r\n")
    data = "".join(f"data: {json.dumps(event)}\n\n" for event in STREAM).encode() + b"data: [DONE]\n\n"
    return whole(to, data, b"content-type: text/event-stream\r\n")


KINDS: dict[str, Callable[[socket.socket, random.Random, str], bool]] = {
    "garbage": garbage,
    "odd_heads": odd_heads,
    "interim": interim,
    "silent": silent,
    "endless": endless,
    "bomb": bomb,
    "odd_json": odd_json,
    "odd_stream": odd_stream,
    "odd_calls": odd_calls,
    "odd_frames": odd_frames,
    "tunnel": tunnel,
    "errors": errors,
    "sound": sound,
}


def whole(to: socket.socket, body: bytes, headers: bytes, status: int = 200) -> bool:
    body = b"" if status == 204 else body
    length = b"" if status == 204 else b"content-length: %d\r\n" % len(body)
    to.sendall(b"HTTP/1.1 %d X\r\n%s%s\r\n" % (status, headers, length) + body)
    return True


def altered(value: Any, source: random.Random) -> str:
    """A JSON text with something odd in the place of one value."""
    copy = json.loads(json.dumps(value))
    spots = list(_spots(copy))
    holder, key = source.choice(spots)
    holder[key] = PLACE
    text = json.dumps(copy)
    odd = source.choice(RAW) if source.random() < 0.3 else json.dumps(source.choice(ODD))
    return text.replace(json.dumps(PLACE), odd)


def _spots(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = range(len(value)) if isinstance(value, list) else list(value) if isinstance(value, dict) else ()
    for key in keys:
        yield value, key
        yield from _spots(value[key])
