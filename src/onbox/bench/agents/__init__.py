"""Agents that work on tasks, one module each behind one protocol.

The built-in one runs inside onbox. Those of others are command lines that run head-less in the sandbox, with a home of
their own, and reach the recording proxy and nothing else; an agent's module knows its command line and its
configuration, and starts nothing: `onbox.bench.agents.headless` does.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from onbox.bench.agents.run_watch import RunWatch
from onbox.bench.sandbox import Sandbox
from onbox.errors import UsageError
from onbox.evidence.records import AgentEnd, AgentPlan, Limits, McpServer
from onbox.wire.endpoint import Endpoint

DISK_SPENT = "a command, and those before it, had more on the disk than a run may"


@dataclass
class Job:
    """One run of an agent.

    Args:
        instruction: what the user asks.
        workspace: the project.
        endpoint: the proxy's address for this run.
        model: the model's name in requests.
        sampling: sent with each request, with `seed` added.
        seed: the run's seed.
        plan: name, limits and nudges.
        sandbox: where commands run.
        watch: counts the run's requests in the proxy; None for an agent that counts itself.
        socket: of the proxy, for sandboxes with a network of their own.
        log: a file for what an agent of others prints.
        rules: what the agent is told beside its task.
        mcp: servers of tools by name.
    """

    instruction: str
    workspace: Path
    endpoint: Endpoint
    model: str
    sampling: dict[str, Any]
    seed: int
    plan: AgentPlan
    sandbox: Sandbox
    watch: RunWatch | None = None
    socket: Path = Path()
    log: Path | None = None
    rules: str = ""
    mcp: Mapping[str, McpServer] = field(default_factory=dict)


@dataclass
class AgentOutcome:
    """What an agent leaves: how it stopped, and every step."""

    end: AgentEnd
    steps: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    command_s: float = 0.0


class Agent(Protocol):
    """One kind of agent."""

    name: str
    takes: frozenset[str]
    """What an arm may change of it: `rules`, `mcp`, `sampling`, `nudges`."""

    def version(self) -> str:
        """The version that `run` would start.

        Raises:
            BoxError: it is not installed; the message says what to install.
        """
        ...

    def watch(self, limits: Limits, sampling: dict[str, Any], seed: int) -> RunWatch | None:
        """Who counts the requests of a run in the proxy; None when the agent keeps the limits itself."""
        ...

    def run(self, job: Job) -> AgentOutcome:
        """Work until the agent is done or a limit is reached; all that it started is dead when this returns.

        Raises:
            BoxError: the sandbox could not start.
        """
        ...


_BUILTIN = {
    "builtin": "onbox.bench.agents.builtin:Builtin",
    "builtin-responses": "onbox.bench.agents.builtin:BuiltinResponses",
    "opencode": "onbox.bench.agents.opencode:OpenCode",
    "pi": "onbox.bench.agents.pi:Pi",
    "codex": "onbox.bench.agents.codex:Codex",
    "claude-code": "onbox.bench.agents.claude_code:ClaudeCode",
    "qwen-code": "onbox.bench.agents.qwen_code:QwenCode",
    "mini-swe-agent": "onbox.bench.agents.mini_swe_agent:MiniSweAgent",
}


OPENING_TOKENS = {
    "builtin": 1_000,
    "builtin-responses": 1_000,
    "mini-swe-agent": 950,
    "pi": 1_600,
    "opencode": 8_400,
    "codex": 10_700,
    "claude-code": 20_700,
    "qwen-code": 21_300,
}
"""Of each agent's first request, instructions and tools: its measured bytes (mini-swe-agent 2.4.6 3.4 KB, Pi 0.73 5.7
KB, opencode 1.18.33 30.8 KB, Codex 0.169 39.7 KB, Claude Code 2.1.197 76.5 KB, Qwen Code 0.15 78.7 KB) over 3.7 bytes a
token, which is what opencode's came to on a server that said how many they were."""


def agent_names() -> list[str]:
    """The agents that come with onbox, and those of installed packages (entry point `onbox.agents`)."""
    return [*_BUILTIN, *sorted({entry.name for entry in entry_points(group="onbox.agents")} - set(_BUILTIN))]


def takers(thing: str) -> list[str]:
    """The agents that come with onbox and of which an arm may change this thing; see `Agent.takes`."""
    return [name for name in _BUILTIN if thing in agent_of(AgentPlan(name=name, version="")).takes]


def agent_of(plan: AgentPlan) -> Agent:
    """The agent of a plan.

    Raises:
        UsageError: there is none of that name.
    """
    if plan.command is not None:
        from onbox.bench.agents.template import TemplateAgent

        return TemplateAgent(plan.name, plan.command)
    if plan.name in _BUILTIN:
        module, _, attribute = _BUILTIN[plan.name].partition(":")
        agent: Agent = getattr(importlib.import_module(module), attribute)()
        return agent
    for entry in entry_points(group="onbox.agents", name=plan.name):
        plugin: Agent = entry.load()()
        return plugin
    raise UsageError(f"agent: {plan.name}: no such agent", f"one of {', '.join(agent_names())}")
