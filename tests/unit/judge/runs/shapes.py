"""Recorded shapes of runs that failed."""

from collections.abc import Sequence
from typing import Any

from onbox.evidence.records import AgentEnd, Changes, Exchange, GateEnd, GateLimit, RunRecord
from onbox.judge.results import RunResult
from onbox.judge.runs.attribution import attribute
from onbox.judge.runs.observed_rate import UsualRates
from tests.builders import GATE_SHA256, failed_gate, run_record
from tests.exchanges import call_reply, chat_request, delta, plain_reply, streamed, text_reply

UNTOUCHED = Changes(files=0, lines_added=0, lines_removed=0)


def refused(exchanges: Sequence[Exchange], stop: str = "answered", **changes: Any) -> RunResult:
    """A run whose gate said no and whose workspace is untouched."""
    values = {"gate": failed_gate(), "changes": UNTOUCHED, "agent": AgentEnd(stop=stop, turns=len(exchanges))}
    return attribute(run_record(**{**values, **changes}), exchanges)


def gate(exit_code: int | None, *, limit: GateLimit | None = None) -> GateEnd:
    return GateEnd(exit_code=exit_code, reason="", seconds=1, sha256=GATE_SHA256, limit=limit)


def error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "server_error"}}


def again(purpose: str, text: str = "Let me see.") -> Exchange:
    """A request that was sent again, and answered in words."""
    return text_reply(text).model_copy(update={"purpose": purpose})


def raw_again(content: str) -> Exchange:
    """llama.cpp's answer past its parser."""
    return plain_reply(200, {"content": content, "stop": True}).model_copy(update={"purpose": "replay-raw"})


def timed_out() -> RunRecord:
    return run_record(gate=failed_gate(), agent=AgentEnd(stop="time_limit", turns=1))


def steady(tok_s: float) -> Exchange:
    """An answer of sixty tokens that the time limit cut off."""
    return streamed(
        [(1 + n / tok_s, delta(content=f" w{n}")) for n in range(60)], error="the client left", error_kind="client left"
    )


def tok_s(usual: UsualRates, run: RunResult) -> float | None:
    rate = usual.of(run)
    return rate.tok_s if rate else None


OK = [call_reply()]
LOOP = [call_reply("ls", id=n) for n in range(1, 5)]


CUT = '{"command": "echo he'


def echo(arguments: str, name: str = "bash", call_id: str = "call0", **more: Any) -> dict[str, Any]:
    """A request that sends a call back, with its result."""
    call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
    history = [
        {"role": "user", "content": "Rename the function foo to bar in main.py."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call_id, "content": "main.py"},
    ]
    return chat_request(messages=history, **more)
