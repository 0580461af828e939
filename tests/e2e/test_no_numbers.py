"""NaN, 1e999 and half characters, wherever a server and an agent can put them: a verdict all the same, and strict JSON.

The server puts one into another place of each reply: usage, timings, arguments, names, texts, its models, properties,
counters and headers. The agent sends them in its requests, prints them and leaves them in the workspace.
"""

import json
import re
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from onbox.evidence.records import RunRecord
from tests.doubles.server import ReceivedRequest, Wire, serving
from tests.e2e.cli import onbox, verdict_of

ODD = ("1e999", "-1e999", "NaN", "Infinity", "1" + "0" * 400, '"\\ud83d"', '"\\udc00x"', "-5", '"\\u0000"')
AT = "@@"
ARGUMENTS = ('{"path": @@}', '{"command": @@}', "@@", '{"path": "a", "content": @@}', '{"path": "\\ud83d", "n": @@}')
CHUNKS = (
    '{"id": "c", "created": @@, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "x"}}]}',
    '{"id": "c", "choices": [{"index": @@, "delta": {"content": "x"}}]}',
    '{"id": "c", "choices": [{"index": 0, "delta": {"content": @@, "reasoning_content": @@}}]}',
    '{"id": "c", "choices": [{"index": 0, "logprobs": {"content": [{"token": "x", "logprob": @@}]}, "delta": {}}]}',
    '{"choices": [{"index": 0, "delta": {"tool_calls": [{"index": @@, "id": "i", "function": CALL}]}}]}',
    '{"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": @@, "function": CALL}]}}]}',
    '{"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"name": @@, "arguments": "{}"}}]}}]}',
    '{"choices": [{"index": 0, "delta": {}, "finish_reason": @@}]}',
    '{"choices": [], "usage": {"prompt_tokens": @@, "completion_tokens": 2}}',
    '{"choices": [], "usage": {"prompt_tokens": 2, "completion_tokens": @@, "total_tokens": @@}}',
    '{"choices": [], "usage": {"prompt_tokens": 2, "completion_tokens": 2, "completion_tokens_details": {"x": @@}}}',
    '{"choices": [], "timings": {"predicted_n": @@, "predicted_ms": @@, "prompt_n": @@, "prompt_ms": @@}}',
    '{"error": {"message": @@, "code": @@}}',
)
SOUND = (
    '{"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Paris "}}]}',
    '{"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "i", "function": CALL}]}}]}',
    '{"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}',
    '{"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}',
)
MODELS = '{"data": [{"id": "m", "owned_by": "llamacpp", "created": @@, "max_model_len": @@, "meta": {"n_ctx": @@}}]}'
PROPS = (
    '{"default_generation_settings": {"n_ctx": @@, "params": {"temperature": @@}}, "total_slots": @@, "build_info": @@}'
)
METRICS = (
    "# TYPE llamacpp:requests_processing gauge\nllamacpp:requests_processing NaN\nllamacpp:tokens_predicted_total "
)
AGENT = r"""
import os, sys, urllib.request
url = sys.argv[1]
for odd in ("NaN", "1e999", "-Infinity", "1" + "0" * 400, '"\\ud83d"'):
    asked = '[{"role": "user", "content": %s}]' % odd
    body = '{"model": "m", "temperature": %s, "messages": %s, "stream": true}' % (odd, asked)
    request = urllib.request.Request(url + "/chat/completions", body.encode(), {"content-type": "application/json"})
    try:
        urllib.request.urlopen(request, timeout=30).read()
    except OSError as error:
        print("refused", error)
os.write(1, b"NaN 1e999 \xed\xa0\x80 \xff\n")
with open("config.json", "w") as file:
    file.write('{"name": "demo", "host": NaN, "port": 1e999, "debug": "\\ud83d"}')
with open(b"name-\xed\xa0\x80-\xff", "wb") as file:
    file.write(b"\xed\xa0\x80")
"""


def saying(started: Callable[[], int]) -> Callable[[ReceivedRequest, Wire], None]:
    """A server each of whose replies has something odd in the next place."""

    def script(request: ReceivedRequest, wire: Wire) -> None:
        turn = started()
        odd = ODD[turn % len(ODD)]
        heads = {"server": f"{odd[:40]}\u00ff", "x_request_id": odd[:40], "retry_after": odd[:40]}
        if "chat/completions" not in request.path:
            if request.path == "/v1/models":
                # One that is no JSON is no list of models: no server, as a test in tests/fuzz shows.
                odd = ('"\\ud83d"', "-5", '"\\u0000"')[turn % 3]
            text = {"/v1/models": MODELS, "/props": PROPS, "/metrics": f"{METRICS}{odd}\n"}.get(request.path, "{}")
            body, kind, status = text.replace(AT, odd), "application/json", 200
        else:
            place = turn % (2 * len(CHUNKS))
            events = [*SOUND[:2], *CHUNKS[place : place + 1], *SOUND[2:]]
            arguments = ARGUMENTS[turn % len(ARGUMENTS)].replace(AT, odd)
            called = json.dumps({"name": ("write", "read", "bash")[turn % 3], "arguments": arguments})
            lines = [event.replace("CALL", called).replace(AT, odd) for event in events]
            body, kind = "".join(f"data: {line}\n\n" for line in lines) + "data: [DONE]\n\n", "text/event-stream"
            status = 503 if turn % 11 == 10 else 200
        data = body.encode()
        wire.head(status, content_type=kind, content_length=str(len(data)), **heads)
        wire.send(data)

    return script


def not_strict(folder: Path) -> list[str]:
    """Files below it whose JSON only a lenient reader takes, or that are not UTF-8."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    found = []
    for path in [*folder.rglob("*.json"), *folder.rglob("*.jsonl")]:
        try:
            text = path.read_bytes().decode()
            for part in text.splitlines() if path.suffix == ".jsonl" else [text]:
                json.loads(part, parse_constant=refuse)
                assert not re.search(r"[:\[,]\s*-?[0-9.]+e\+?[0-9]{3,}", re.sub(r'"(\\.|[^"\\])*"', '""', part))
        except ValueError as error:
            found.append(f"{path.relative_to(folder)}: {error}")
    return found


def strict(text: str) -> Any:
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is printed"))


def judged_reported_verified(out: Path) -> None:
    assert not_strict(out) == []
    for words in (("judge", out, "--json"), ("report", out, "--json"), ("verify", out, "--json")):
        done = onbox(*words)
        assert done.returncode == 0, (words, done.stderr)
        assert "Traceback" not in done.stderr
        strict(done.stdout)
    assert not_strict(out) == []


@pytest.mark.slow
@pytest.mark.parametrize("agent", ["builtin", "program"])
def test_a_bench_ends_with_a_verdict(agent: str, tmp_path: Path) -> None:
    out, turns = tmp_path / "out", count()
    program = tmp_path / "odd.py"
    program.write_text(AGENT)
    file = tmp_path / "odd.yaml"
    file.write_text(f'name: odd\ncommand: env python3 {program} {{url}} "{{prompt}}"\nreadable: [{program}]\n')
    with serving(saying(lambda: next(turns))) as server:
        words = ("--model", "m", "--task", "fill-json", "--runs", "6" if agent == "builtin" else "2")
        chosen = () if agent == "builtin" else ("--agent", file)
        done = onbox("bench", server.url, *words, *chosen, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    runs = verdict_of(out)["runs"]
    assert len(runs) == (6 if agent == "builtin" else 2)
    assert [run["code"] for run in runs if run["outcome"] == "passed"] == []
    records = [RunRecord.model_validate_json(path.read_bytes()) for path in out.glob("*/runs/*/*/*/run.json")]
    assert [record.fault for record in records if record.fault] == []
    if agent == "program":
        assert all(record.changes.files == 2 for record in records)
    judged_reported_verified(out)


@pytest.mark.slow
def test_a_measurement_and_preflight_end_too(tmp_path: Path) -> None:
    turns = count()
    with serving(saying(lambda: next(turns))) as server:
        few = ("--model", "m", "--tokens", "16", "--requests", "5", "--at-least", "0", "--json")
        measured = onbox("speed", server.url, *few, "--out", tmp_path / "speed")
        request = onbox("preflight", server.url, "--model", "m", "--json", "--out", tmp_path / "preflight")
    for done in (measured, request):
        assert "Traceback" not in done.stderr
        assert done.returncode == 0, done.stderr
        strict(done.stdout)
    assert strict(measured.stdout)["decode_tok_s"] is None
    assert not_strict(tmp_path / "preflight") == []
    judged_reported_verified(tmp_path / "speed")
