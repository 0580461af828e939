"""How much of the context an agent's first request takes: measured, and counted as the server counts."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from onbox import preflight
from onbox.bench.agents import OPENING_TOKENS, agent_of
from onbox.bench.agents.opening import opening_request
from onbox.bench.sandbox.choose import choose
from onbox.bench.tools import DEFINITIONS
from onbox.evidence.records import AgentPlan, Limits
from onbox.preflight.agent_room import AgentRoom
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from tests.doubles.server import ReceivedRequest, Wire, serving
from tests.exchanges import call_delta, delta, usage_event
from tests.unit.preflight.servers import reply

OPENING = {
    "model": "model",
    "messages": [{"role": "system", "content": "Be of use. " * 300}, {"role": "user", "content": "List the files."}],
    "tools": list(DEFINITIONS),
    "stream": True,
}
SIZE = len(json.dumps({"messages": OPENING["messages"], "tools": OPENING["tools"]}))

Tokenize = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]


def context_case(room: AgentRoom, context: int, tokenize: Tokenize, prompt_tokens: int | None = None) -> Any:
    entry = {"id": "m", "owned_by": "vllm", "max_model_len": context}

    def script(request: ReceivedRequest, wire: Wire) -> None:
        if request.method == "GET":
            wire.whole(200, json.dumps({"data": [entry]} if request.path == "/v1/models" else {}).encode())
        elif request.path == "/tokenize":
            status, body = tokenize(request.json())
            wire.whole(status, json.dumps(body).encode())
        else:
            calls = request.json().get("tools")
            used = [usage_event(prompt_tokens, 5)] if prompt_tokens else []
            wire.stream([reply(call_delta("bash", {"command": "ls"}) if calls else delta(content="Paris"), *used)])

    with serving(script) as server, StampedClient(Endpoint.parse(server.url)) as client:
        found, _ = preflight.short(client, "m", list(DEFINITIONS), "own.jinja", room)
    return next(case for case in found.cases if case.name == "context")


def missing(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return 404, {"error": "no such path"}


def vllm(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return (200, {"count": 1234, "tokens": [1] * 1234}) if "messages" in body else (400, {"error": "messages"})


def llama(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return (200, {"tokens": [1] * (len(body["content"]) // 4)}) if "content" in body else (400, {"error": "content"})


def nonsense(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return 200, {"count": 3, "tokens": "many"}


@pytest.mark.parametrize(
    ("tokenize", "tokens", "how"),
    [
        (vllm, 1234, "by the server's tokenizer"),
        (llama, SIZE // 4, "by the server's tokenizer"),
        (missing, round(SIZE / 3.7), "at 3.7 a token"),
        (nonsense, round(SIZE / 3.7), "at 3.7 a token"),
    ],
)
def test_a_measured_request_is_counted_by_the_server_where_it_counts(tokenize: Tokenize, tokens: int, how: str) -> None:
    room = AgentRoom("mine", None, 512, OPENING)
    short = context_case(room, tokens + 511, tokenize)
    assert short.status == "warn"
    assert f"its first request has about {tokens:,}" in short.detail
    assert "measured now" in short.detail
    assert how in short.detail
    assert context_case(room, tokens + 512, tokenize).status == "pass"


def test_without_a_tokenizer_the_usage_of_another_request_tells() -> None:
    case = context_case(AgentRoom("mine", None, 512, OPENING), 131_072, missing, prompt_tokens=200)
    assert "a token by the server's own count" in case.detail


def test_an_agent_that_was_not_run_is_looked_up_and_it_says_so() -> None:
    case = context_case(AgentRoom("opencode", OPENING_TOKENS["opencode"], 4096), 8192, missing)
    assert case.status == "warn"
    assert "8,400" in case.detail
    assert "from the table of agents measured before, because it was not run here" in case.detail
    assert context_case(AgentRoom("mine", None, 4096), 8192, missing).status == "unknown"


@pytest.mark.slow
def test_the_builtin_agent_is_looked_at_without_an_engine() -> None:
    plan = AgentPlan(name="builtin", version="1", limits=Limits())
    found = opening_request(agent_of(plan), plan, choose())
    assert found is not None
    assert found.path.endswith("/chat/completions")
    assert found.body["tools"] == list(DEFINITIONS)
    tokens = len(json.dumps(found.body)) / 3.7
    assert 0.5 < tokens / OPENING_TOKENS["builtin"] < 2
