"""A key that everybody repeats, in a whole trial: the server in headers, errors and both halves of a split text, the
agent by its commands, the gate in what it prints; then the reports and every export."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from onbox.app.exporting import export_trial
from tests.doubles.server import ReceivedRequest, Wire, serving
from tests.e2e.cli import environment, onbox
from tests.planted import PLANTED, forms, holders

NAME = "ONBOX_TEST_KEY"
ELSEWHERE = "elsewhere-0123456789abcdef"
"""Of a variable that nobody told onbox of, but that is named like a key."""


def event(delta: Mapping[str, object], finish: str | None = None) -> bytes:
    chunk = {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]}
    chunk["choices"][0]["finish_reason"] = finish  # type: ignore[index]
    return f"data: {json.dumps(chunk)}\n\n".encode()


def call(name: str, **arguments: str) -> dict[str, object]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"tool_calls": [{"index": 0, "id": f"c{PLANTED}", "type": "function", "function": function}]}


SPOKEN = f"printf '%s\\n' '{PLANTED}' {ELSEWHERE} | tee said.txt; mkdir -p 'd {PLANTED}'; touch 'd {PLANTED}/f'"
TURNS = (
    [
        event({"role": "assistant", "reasoning_content": f"the key is {PLANTED}"}),
        event(call("write", path=f"notes/{PLANTED[3:9]}.txt", content=f"{PLANTED}\n{ELSEWHERE}\n"), "tool_calls"),
    ],
    [event({"role": "assistant"}), event(call("bash", command=SPOKEN), "tool_calls")],
    [event({"role": "assistant", "content": f"all is done with {PLANTED}"}, "stop")],
)


def repeating(request: ReceivedRequest, wire: Wire) -> None:
    """Says the key that came in each header and each text; a stream has it cut in two at a socket's read."""
    text = request.headers.get("authorization", "")
    heads = {"Server": f"x/{PLANTED}", "X-Request-Id": PLANTED, "Connection": "close"}
    if request.path.endswith("/chat/completions"):
        body = request.json()
        turn = sum(message["role"] == "tool" for message in body["messages"])
        data = b"".join([*TURNS[min(turn, 2)], b"data: [DONE]\n\n"])
        wire.head(200, content_type="text/event-stream", transfer_encoding="chunked", **heads)
        cut = data.find(PLANTED[:6].encode()) + 4
        for piece in (data[:cut], data[cut:]):
            wire.chunk(piece)
            wire.pause(0.05)
        wire.send(b"0\r\n\r\n")
    elif request.path.endswith("/models"):
        data = json.dumps({"data": [{"id": "m", "owned_by": PLANTED}], "said": text}).encode()
        wire.head(200, content_type="application/json", content_length=str(len(data)), **heads)
        wire.send(data)
    else:
        data = json.dumps({"error": {"message": f"no {request.path} for {text}"}}).encode()
        wire.head(404, content_type="application/json", content_length=str(len(data)), **heads)
        wire.send(data)
    wire.close()


@pytest.mark.timeout(300)
def test_a_key_that_everybody_repeats_is_in_no_file(tmp_path: Path) -> None:
    out = tmp_path / "trial"
    with serving(repeating) as server:
        recipe = tmp_path / "recipe.yaml"
        recipe.write_text(f"name: m\nengine: attached\nmodel: m\napi_key_env: {NAME}\nurl: {server.url}/v1\n")
        done = onbox(
            *("trial", recipe, "--no-speed", "--task", "fix-failing-test", "--runs", 1, "--out", out),
            env=environment(**{NAME: PLANTED, "SOME_API_TOKEN": ELSEWHERE}),
            timeout_s=250,
        )
        assert any(f"Bearer {PLANTED}" == request.headers.get("authorization") for request in server.requests)
    assert "Traceback" not in done.stderr
    (run,) = out.glob("m/runs/*/*/*/run.json")
    assert (run.parent / "workspace.tar.gz").is_file()
    assert (out / "report.html").is_file(), done.stderr
    for kind in ("csv", "atif", "harbor", "inspect", "in-toto"):
        export_trial(out, kind, tmp_path / "exports" / kind)
    kept = (run.parent / "wire.jsonl").read_text()
    assert "[redacted]" in kept
    for folder in (out, tmp_path / "exports"):
        assert [*holders(folder), *holders(folder, ELSEWHERE)] == []
    assert PLANTED not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["speed", "see", "preflight"])
def test_a_key_that_a_server_repeats_is_nowhere_in_what_a_command_writes_and_prints(
    command: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    few = {
        "speed": ("--api-key-env", NAME, "--tokens", 16, "--requests", 1, "--at-least", 0, "--budget", 5),
        "see": ("--api-key-env", NAME, "--n", 1),
        "preflight": (),
    }[command]
    with serving(repeating) as server:
        done = onbox(
            command,
            f"{server.url}/v1",
            "--json",
            "--out",
            out,
            *few,
            env=environment(**{NAME: PLANTED, "SOME_API_TOKEN": ELSEWHERE}),
        )
        sent = [request.headers.get("authorization") for request in server.requests]
    assert "Traceback" not in done.stderr
    if few:
        assert f"Bearer {PLANTED}" in sent
        # Of preflight, which takes no key, this one is a word like any other.
        assert holders(out) == []
        assert not any(form.decode() in done.stdout + done.stderr for form in forms())
    assert holders(out, ELSEWHERE) == []
    assert ELSEWHERE not in done.stdout + done.stderr
