"""Servers that answer a preflight as they are told."""

import json
from collections.abc import Callable
from typing import Any

from onbox import preflight
from onbox.engines.served import who_serves
from onbox.evidence.records import Preflight
from onbox.see.pictures import made
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from tests.doubles.server import ReceivedRequest, Wire, serving
from tests.exchanges import call_delta, delta, event

VLLM_MODELS = {"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 2048, "root": "models/Qwen2.5-7B"}]}
LLAMA_MODELS = {"data": [{"id": "m", "owned_by": "llamacpp"}]}
LLAMA_PROPS = {
    "default_generation_settings": {"n_ctx": 32768, "params": {"temperature": 0.8, "top_k": 40}},
    "modalities": {"vision": False},
    "build_info": "b11549-abc",
}
SEED = 7
NUMBER = made("digits", str(SEED)).expected[0]


Answer = Callable[[dict[str, Any]], tuple[int, bytes]]


def reply(*events: str) -> bytes:
    return ("".join(events) + event("[DONE]")).encode()


def stream(*events: str) -> tuple[int, bytes]:
    return 200, reply(*events)


def whole(content: str | None = "ok", **message: Any) -> tuple[int, bytes]:
    choice = {"message": {"content": content, **message}, "finish_reason": "stop"}
    return 200, json.dumps({"choices": [choice], "usage": {"prompt_tokens": 30, "completion_tokens": 2}}).encode()


def long(answer: Answer, gets: dict[str, Any] | None = None) -> Preflight:
    """All questions to a server that answers each POST by its body, and each GET from a table."""
    table = {"/v1/models": VLLM_MODELS, "/version": {"version": "0.32.0"}} if gets is None else gets

    def script(request: ReceivedRequest, wire: Wire) -> None:
        if request.method == "GET":
            wire.whole(200 if request.path in table else 404, json.dumps(table.get(request.path, {})).encode())
            return
        status, body = answer({"path": request.path, **request.json()})
        if status == 200 and request.json().get("stream"):
            wire.stream([body])
        else:
            wire.whole(status, body)

    with serving(script) as server, StampedClient(Endpoint.parse(server.url)) as client:
        served = who_serves(client)
        assert served is not None
        record, exchanges = preflight.long(client, "m", served)
    assert record.requests == len(exchanges)
    return record


def able(body: dict[str, Any]) -> tuple[int, bytes]:
    """A server and a model that can do everything."""
    if body["path"] == "/v1/responses":
        return 200, json.dumps({"object": "response", "status": "completed", "output": []}).encode()
    if body["path"] == "/v1/messages":
        return 200, json.dumps({"type": "message", "content": [{"type": "text", "text": "ok"}]}).encode()
    messages = body.get("messages") or [{"content": ""}]
    request = messages[-1]["content"]
    if isinstance(request, list):
        return stream(delta(content=f"It is {NUMBER}."))
    if "capital of France" in request:
        return stream(delta(content="Paris"), event({"choices": [], "usage": {"completion_tokens": 2}}))
    if "number is" in request:
        return stream(delta(content="It is 4711."))
    if request == "nothing":
        thought = len(messages[1].get("reasoning", ""))
        usage = {"prompt_tokens": 40 + thought, "completion_tokens": 1}
        return 200, json.dumps({"choices": [{"message": {"content": "x"}}], "usage": usage}).encode()
    if request.startswith("Write exactly"):
        return stream(call_delta("write_file", {"path": "greet.py", "content": request.partition("\n\n")[2]}))
    if "both at once" in request:
        return stream(call_delta("read_file", {"path": "a"}), call_delta("read_file", {"path": "b"}, index=1))
    if "Which files" in request:
        return stream(call_delta("list_files", ""))
    if "notes.txt" in request and body["stream"]:
        return stream(delta(reasoning="I should read it."), call_delta("read_file", {"path": "notes.txt"}))
    if "notes.txt" in request:
        function = {"name": "read_file", "arguments": '{ "path": "notes.txt" }'}
        return whole(None, tool_calls=[{"id": "1", "type": "function", "function": function}])
    return stream(delta(content="ok")) if body.get("stream") else whole()


def statuses(record: Preflight) -> dict[str, str]:
    return {case.name: case.status for case in record.cases}
