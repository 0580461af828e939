"""The built-in agent: a loop that reads top to bottom.

It asks the model, does the calls that come back, and asks again, until the model answers without a call or a limit is
reached. It sees the engine only through the recording proxy.
"""

import hashlib
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from onbox.bench.agents import DISK_SPENT, AgentOutcome, Job
from onbox.bench.agents.conversation import Chat, Conversation, Responses
from onbox.bench.agents.run_watch import RunWatch
from onbox.bench.tools import DiskSpentError, Toolbox
from onbox.evidence.records import AgentEnd, Exchange, Limits
from onbox.evidence.replies import read_reply
from onbox.protocol.reply import Reply
from onbox.wire.client import StampedClient

VERSION = "1"
SYSTEM = (
    "You are a coding agent working in a project folder. Use the tools to look at files and to change them; "
    "paths are relative to the project folder. Do what the user asks, nothing else. "
    "When it is done, answer with one short sentence and no tool call."
)
NUDGE = "You have not finished. Use the tools to do what was asked, or say that it is done."


class _TimeUp(Exception):
    """The run's wall time is over."""


class Builtin:
    """The built-in agent over chat completions."""

    name = "builtin"
    takes = frozenset({"rules", "sampling", "nudges"})
    conversation: type[Conversation] = Chat

    def version(self) -> str:
        """See `Agent.version`."""
        return VERSION

    def watch(self, limits: Limits, sampling: dict[str, Any], seed: int) -> RunWatch | None:
        """See `Agent.watch`: it keeps the limits itself."""
        return None

    def run(self, job: Job) -> AgentOutcome:
        """See `Agent.run`."""
        return BuiltinAgent(job, self.conversation()).run()


class BuiltinResponses(Builtin):
    """The built-in agent over /responses: the same loop, another parser of the server."""

    name = "builtin-responses"
    conversation = Responses


@dataclass
class BuiltinAgent:
    """Read, write, edit, grep, glob, bash; reasoning is passed back to the model between calls."""

    job: Job
    conversation: Conversation = field(default_factory=Chat)
    steps: list[dict[str, Any]] = field(default_factory=list)
    tokens: int = 0
    turns: int = 0
    nudged: int = 0

    def run(self) -> AgentOutcome:
        """Work until the model is done or a limit is reached; what goes wrong is in the outcome."""
        job, limits = self.job, self.job.plan.limits
        began = time.monotonic()
        toolbox = Toolbox(job.workspace, job.sandbox, limits.command_s)
        self._say("system", "\n\n".join(filter(None, (SYSTEM, job.rules))))
        self._say("user", "\n\n".join(filter(None, (job.instruction.strip(), toolbox.overview(job.instruction)))))
        with StampedClient(job.endpoint) as client:
            try:
                end = self._loop(client, toolbox, deadline=began + limits.wall_s)
            except _TimeUp:
                end = self._end("time_limit", f"{limits.wall_s:.0f} s")
            except DiskSpentError:
                end = self._end("disk_limit", DISK_SPENT)
        return AgentOutcome(end, self.steps, time.monotonic() - began, toolbox.spent_s)

    def _loop(self, client: StampedClient, toolbox: Toolbox, deadline: float) -> AgentEnd:
        limits, calls = self.job.plan.limits, Counter[str]()
        while True:
            if self.turns >= limits.turns:
                return self._end("turn_limit", f"{limits.turns} turns")
            if self.tokens >= limits.output_tokens:
                return self._end("token_limit", f"{self.tokens} output tokens")
            reply, problem = self._ask(client, deadline)
            if problem:
                return self._end("endpoint", problem)
            if not reply.tool_calls:
                if self.nudged < self.job.plan.nudges:
                    self.nudged += 1
                    self._say("user", NUDGE)
                    continue
                return self._end("answered", reply.finish_reason or "", reply.content)
            for call in reply.tool_calls:
                words = f"{call.name}\0{call.arguments}".encode("utf-8", "surrogatepass")
                calls[hashlib.sha256(words).hexdigest()] += 1
                if max(calls.values()) >= limits.same_call:
                    return self._end("loop", f"the same call {limits.same_call} times: {call.name[:200]}")
                if time.monotonic() > deadline:
                    raise _TimeUp
                self._result(call.id, toolbox.call(call.name, call.arguments))

    def _ask(self, client: StampedClient, deadline: float) -> tuple[Reply, str]:
        """One turn: the reply, and what broke it or an empty string."""
        job, limits = self.job, self.job.plan.limits
        body = {
            "model": job.model,
            **self.conversation.body(min(limits.turn_tokens, limits.output_tokens - self.tokens)),
            **job.sampling,
            "seed": job.seed + self.turns,
        }

        def on_read(t_ns: int, data: bytes) -> None:
            if time.monotonic() > deadline:
                raise _TimeUp

        began = time.monotonic()
        self.turns += 1
        # A server may be silent until the run's time is over, and no longer.
        client.read_timeout_s = max(deadline - began, 0.001)
        exchange = client.post(self.conversation.path, body, purpose="agent", on_read=on_read)
        if exchange.error and time.monotonic() > deadline:
            raise _TimeUp
        reply = read_reply(exchange)
        problem = _problem(exchange, reply)
        self.tokens += reply.completion_tokens or reply.chunks
        if not problem:
            self._remember(reply, time.monotonic() - began)
        return reply, problem

    def _remember(self, reply: Reply, seconds: float) -> None:
        self.conversation.answer(reply)
        calls = [{"id": c.id, "name": c.name, "arguments": c.arguments} for c in reply.tool_calls]
        step = {"role": "assistant", "content": reply.content, "reasoning": reply.reasoning, "tool_calls": calls}
        self.steps.append({**step, "seconds": round(seconds, 3), "tokens": reply.completion_tokens})

    def _say(self, role: str, content: str) -> None:
        self.conversation.say(role, content)
        self.steps.append({"role": role, "content": content})

    def _result(self, call_id: str, content: str) -> None:
        self.conversation.result(call_id, content)
        self.steps.append({"role": "tool", "content": content})

    def _end(self, stop: str, detail: str, reply: str = "") -> AgentEnd:
        return AgentEnd(stop=stop, detail=detail, turns=self.turns, reply=reply)


def _problem(exchange: Exchange, reply: Reply) -> str:
    """What broke an exchange, in words; empty when the reply is whole."""
    if exchange.error:
        return exchange.error
    if exchange.status != 200:
        return f"status {exchange.status}: {exchange.body()[:500].decode('utf-8', 'replace')}"
    return reply.error or ""
