"""Counts what an agent of others asks, as it passes the proxy, and ends the run that has asked enough."""

from collections.abc import Callable
from typing import Any

from onbox.bench.agents.request_overrides import amended, api_of
from onbox.evidence.records import Exchange, Limits, WireBound
from onbox.evidence.replies import read_reply
from onbox.wire.request_policy import RequestRefused

FAILURES_IN_A_ROW = 3
"""An agent that goes on asking a server that fails would wait for its time limit."""
REFUSALS_MAX = 1000
"""Requests beyond a bound of the proxy: who goes on after so many asks for ever."""

Side = Callable[[dict[str, Any]], bool]


class RunWatch:
    """Turns, tokens and failures of one run, counted for every agent alike.

    Args:
        limits: turns and output tokens; beyond them nothing more reaches the engine.
        sampling: put into requests that do not say otherwise.
        seed: of the run.
        side: whether a request is one beside the task, such as for a title.
    """

    def __init__(self, limits: Limits, sampling: dict[str, Any], seed: int, side: Side) -> None:
        self._limits = limits
        self._sampling = sampling
        self._seed = seed
        self._side = side
        self.turns = 0
        self.tokens = 0
        self.over = ""
        """Why the run may ask no more, as `AgentEnd.stop` says it; empty while it may."""
        self.detail = ""
        self.problem = ""
        """What was wrong with the last reply; empty when nothing was."""
        self.steps: list[dict[str, Any]] = []
        self.on_over: Callable[[], None] = lambda: None
        """Called once when the run is over, from the proxy's thread."""
        self._failures = 0
        self._refusals = 0

    @property
    def side(self) -> Side:
        """Whether a request is one beside the task."""
        return self._side

    @property
    def reply(self) -> str:
        """The last words of the model."""
        return str(self.steps[-1]["content"]) if self.steps else ""

    def admit(self, method: str, path: str, body: Any) -> tuple[str, Any]:
        """See `Watch.admit`: `agent` for a turn of the task, `side` for all else."""
        api = api_of(path) if method == "POST" and isinstance(body, dict) else None
        if api is None:
            return "side", body
        if self._side(body):
            return "side", amended(api, body, self._limits.turn_tokens, self._sampling, self._seed)
        if not self.over and self.turns >= self._limits.turns:
            self._end("turn_limit", f"{self._limits.turns} turns")
        if not self.over and self.tokens >= self._limits.output_tokens:
            self._end("token_limit", f"{self.tokens} output tokens")
        if self.over:
            raise RequestRefused(f"this run is over: {self.detail}")
        left = min(self._limits.turn_tokens, self._limits.output_tokens - self.tokens)
        self.turns += 1
        return "agent", amended(api, body, left, self._sampling, self._seed + self.turns - 1)

    def ended(self, exchange: Exchange) -> None:
        """See `Watch.ended`."""
        if exchange.purpose != "agent":
            return
        reply = read_reply(exchange)
        self.tokens += reply.completion_tokens or reply.chunks
        self.problem = exchange.error or reply.error or ("" if exchange.status == 200 else f"status {exchange.status}")
        self._failures = self._failures + 1 if self.problem else 0
        if self._failures >= FAILURES_IN_A_ROW and not self.over:
            self._end("endpoint", f"{self._failures} failures in a row: {self.problem}")
        calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in reply.tool_calls]
        message = {"role": "assistant", "content": reply.content, "reasoning": reply.reasoning, "tool_calls": calls}
        seconds = round((exchange.ended_ns or 0) / 1e9, 3)
        self.steps.append({**message, "seconds": seconds, "tokens": reply.completion_tokens})

    def refused(self, bound: WireBound) -> None:
        """See `RequestPolicy.refused`: with a full record the run may ask nothing more."""
        self._refusals += 1
        full = bound is WireBound.RECORD_BYTES
        if not self.over and (full or self._refusals >= REFUSALS_MAX):
            self._end("wire_limit", "the record is full" if full else f"{self._refusals} requests were refused")

    def _end(self, stop: str, detail: str) -> None:
        self.over, self.detail = stop, detail
        self.on_over()


def without_tools(body: dict[str, Any]) -> bool:
    """Beside the task: a request that offers no tools, by an agent that always offers some for its work."""
    return not body.get("tools")


class AfterTools:
    """Beside the task: a request that offers no tools, once others of the run have; for agents that are not known."""

    def __init__(self) -> None:
        self._offered = False

    def __call__(self, body: dict[str, Any]) -> bool:
        self._offered = self._offered or bool(body.get("tools"))
        return self._offered and not body.get("tools")
