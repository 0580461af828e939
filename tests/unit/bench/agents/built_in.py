"""A bench of the built-in agent, with a server that says what a test scripts."""

from collections.abc import Callable
from typing import Any

import pytest

from onbox.bench.agents.builtin import Builtin
from onbox.bench.runner import Bench
from onbox.bench.sandbox.none import Unsafe
from onbox.bench.tasks import load_tasks
from onbox.evidence.records import AgentPlan, SandboxReport
from onbox.wire.proxy import RecordingProxy
from tests.doubles.server import ReceivedRequest, Wire
from tests.exchanges import call_delta, delta, event, usage_event

DONE = event("[DONE]")


def turn(*events: str, tokens: int = 5) -> bytes:
    """One whole streamed reply."""
    return ("".join(events) + usage_event(10, tokens) + DONE).encode()


def says(text: str) -> bytes:
    return turn(delta(content=text), delta("stop"))


def calls(name: str, *, index: int = 0, **arguments: str) -> bytes:
    return turn(call_delta(name, arguments, index), delta("tool_calls"))


def in_turn(*replies: bytes) -> Callable[[ReceivedRequest, Wire], None]:
    """A script of replies; the last one is repeated."""
    left = list(replies)

    def script(request: ReceivedRequest, wire: Wire) -> None:
        wire.stream([left.pop(0) if len(left) > 1 else left[0]])

    return script


@pytest.fixture
def bench() -> Callable[..., Bench]:
    def make(proxy: RecordingProxy, **changes: Any) -> Bench:
        fields: dict[str, Any] = {
            "contender": "small",
            "model": "m",
            "sampling": {},
            "agent": Builtin(),
            "plan": AgentPlan(version="1"),
            "proxy": proxy,
            "sandbox": Unsafe(),
            "sandbox_report": SandboxReport(name="none"),
            "launch_id": "abc",
            "alive": lambda: True,
        }
        return Bench(**{**fields, **changes})

    return make


Make = Callable[..., Bench]
(FIX,) = load_tasks("builtin", ["fix-failing-test"])
