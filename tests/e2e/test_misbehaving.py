"""A server that misbehaves, from the bench's first request to the verdict: what it loses and breaks is its own.

Each fault is one that servers were seen with. The model behind it does the task right each time, so that a failure that
is laid to the model would be wrong.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.frames import Counts, frames_of
from tests.doubles.question import read
from tests.doubles.script import Answer, answer
from tests.e2e.cli import onbox, verdict_of

MODEL = "scripted-good"
ONE_CALL, TWO_CALLS = "fill-json", "rename-2-files"
"""Tasks that are done by so many: with all done in the first, a gate passes whatever comes after."""
CHAT, RAW, TEMPLATE = "/v1/chat/completions", "/completion", "/apply-template"
COUNTS = Counts(40, 9)
TIMINGS: dict[str, Any] = {}


def own_calls(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls that the server made before, as they come back in the history."""
    return [call for message in body.get("messages") or [] for call in message.get("tool_calls") or []]


def with_arguments(reply: Answer, arguments: str) -> Answer:
    assert reply.call is not None
    return replace(reply, call=(reply.call[0], arguments))


def loses_arguments(reply: Answer, body: dict[str, Any]) -> Answer:
    """In a stream, as with a stream interval above 1; a whole answer has them."""
    return with_arguments(reply, "{}") if reply.call and body.get("stream") else reply


def cuts_and_refuses(reply: Answer, body: dict[str, Any]) -> Answer:
    """Cuts each call off, and takes no history that holds one."""
    if own_calls(body):
        return Answer(failure="Unterminated string starting at: line 1 column 12 (char 11)", status=400)
    return with_arguments(reply, reply.text()[:14]) if reply.call else reply


def refuses_its_own(reply: Answer, body: dict[str, Any]) -> Answer:
    """Takes no history that holds a call of its own, though nothing is wrong with it."""
    return Answer(failure="messages: roles must alternate", status=400) if own_calls(body) else reply


def has_no_room(reply: Answer, body: dict[str, Any]) -> Answer:
    """Its context is full as soon as a tool has answered."""
    full = "request (8307 tokens) exceeds the available context size (8192 tokens), try increasing it"
    return Answer(failure=full, status=400) if own_calls(body) else reply


def does_no_harm(reply: Answer, body: dict[str, Any]) -> Answer:
    return reply


KINDS = (loses_arguments, cuts_and_refuses, refuses_its_own, has_no_room, does_no_harm)
FAULTS = {each.__name__: each for each in KINDS}


@contextmanager
def misbehaving(fault: str, context_tokens: int = 8192) -> Iterator[tuple[str, Counter[str]]]:
    """The server's URL, and how often each path was asked; it says that it is llama.cpp's."""
    request: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            if self.path == "/v1/models":
                self._send({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "llamacpp"}]})
            elif self.path == "/props":
                self._send({"default_generation_settings": {"n_ctx": context_tokens}, "build_info": "b9999-scripted"})
            else:
                self._send({"status": "ok"} if self.path == "/health" else {}, 200 if self.path == "/health" else 404)

        def do_POST(self) -> None:
            request[self.path] += 1
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == TEMPLATE:
                self._send({"prompt": json.dumps(body)})
            elif self.path == RAW:
                result = answer("good", json.loads(body["prompt"]))
                call = {"name": result.call[0], "arguments": result.call[1]} if result.call else None
                text = f"<tool_call>\n{json.dumps(call)}\n</tool_call>" if call else result.text()
                self._send({"content": text, "stop": True})
            elif self.path == CHAT:
                self._chat(FAULTS[fault](answer("good", body), body), body)
            else:
                self._send({"error": {"message": "File Not Found"}}, 404)

        def _chat(self, result: Answer, body: dict[str, Any]) -> None:
            frames = frames_of(self.path, MODEL, result, body)
            assert frames is not None
            if result.failure:
                self._send(frames.error(result.status, result.failure), result.status)
            elif body.get("stream"):
                pieces = result.pieces()
                data = b"".join(frames.start())
                data += b"".join(b"".join(frames.delta(piece, first=not n)) for n, piece in enumerate(pieces))
                self._send(data + b"".join(frames.end(COUNTS, TIMINGS)), kind="text/event-stream")
            else:
                self._send(frames.whole(COUNTS, TIMINGS))

        def _send(self, body: Any, status: int = 200, kind: str = "application/json") -> None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", request
    finally:
        server.shutdown()
        server.server_close()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "code", "outcome", "cause", "settled"),
    [
        ("loses_arguments", "S-ARGS", "serving failure", "serving", "broken by the server"),
        ("cuts_and_refuses", "S-ARGS", "serving failure", "serving", "broken by the server"),
        ("refuses_its_own", "S-HISTORY", "serving failure", "serving", ""),
        ("has_no_room", "L-CTX", "failed", "limit", ""),
    ],
)
def test_the_bench_lays_it_where_it_belongs(
    tmp_path: Path, fault: str, code: str, outcome: str, cause: str, settled: str
) -> None:
    out = tmp_path / "out"
    with misbehaving(fault) as (url, request):
        done = onbox(
            "bench",
            url,
            "--task",
            ONE_CALL if settled else TWO_CALLS,
            "--runs",
            "1",
            "--out",
            out,
            "--json",
            timeout_s=240,
        )
    assert done.returncode == 0, done.stderr
    (shown,) = json.loads(done.stdout)["runs"]
    assert (shown["code"], shown["outcome"], shown["attribution"]) == (code, outcome, cause), shown
    (run,) = verdict_of(out)["runs"]
    assert (run["code"], run["replay"]) == (code, settled)
    assert run["tool_calls"] == 1
    folder = next(out.glob("*/runs/*/*/1"))
    record = json.loads((folder / "run.json").read_text())
    assert record["gate"]["exit_code"] == 1
    wire = lines(folder / "wire.jsonl")
    assert next(each["status"] for each in wire) == 200
    (preflight,) = (json.loads(path.read_text()) for path in out.glob("*/preflight.json"))
    cases = {case["name"]: case for case in preflight["cases"]}
    if settled:
        # ReceivedRequest again unchanged, the other way round, and past the parser, where the model's own words are.
        assert Counter(each["purpose"] for each in lines(folder / "replay.jsonl") if each["path"] != TEMPLATE) == {
            "replay": 5,
            "replay-flipped": 5,
            "replay-raw": 5,
        }
        assert record["replay"]["raw_route"].startswith("llama.cpp")
        assert request[RAW] == 5
        assert cases["tool_call"]["status"] == "fail", cases
    else:
        assert not (folder / "replay.jsonl").exists()
        assert request[RAW] == 0
    if fault == "has_no_room":
        assert "8307" in run["detail"]
        assert "8192" in run["detail"]


@pytest.mark.slow
def test_a_context_that_is_short_for_the_agent_is_reported_before_the_first_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with misbehaving("does_no_harm", context_tokens=4096) as (url, _):
        done = onbox("bench", url, "--task", ONE_CALL, "--runs", "1", "--out", out, timeout_s=240)
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stderr.split())
    assert "preflight context: warn: 4,096 tokens are short for builtin" in words
    assert words.index("preflight context: warn") < words.index("run 1 of 1 begins")
    (run,) = verdict_of(out)["runs"]
    assert run["code"] == "PASS"


def test_the_model_behind_it_is_right() -> None:
    """Otherwise nothing would follow from the codes."""
    request = {"messages": [{"role": "user", "content": "Fill `config.json`"}], "tools": []}
    tool = {
        "type": "function",
        "function": {"name": "write", "parameters": {"properties": {"path": {}, "content": {}}}},
    }
    reply = answer("good", {**request, "tools": [tool]})
    assert reply.call is not None
    assert read(request).results == 0
    assert json.loads(reply.call[1]["content"])["port"] == 8080  # type: ignore[index]
