"""What an agent's first request holds, by running it: in the sandbox, against a proxy that refuses everything.

Nothing reaches an engine, and the agent is ended as soon as it has asked.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from onbox.bench.agents import Agent, Job
from onbox.bench.agents.request_overrides import api_of
from onbox.bench.agents.run_watch import RunWatch
from onbox.bench.sandbox import Sandbox
from onbox.errors import OnboxError
from onbox.evidence.records import AgentPlan
from onbox.scratch import scratch_folder
from onbox.wire.endpoint import Endpoint
from onbox.wire.proxy import RecordingProxy
from onbox.wire.request_policy import RequestRefused

LIMIT_S = 20.0
"""An agent that has not asked by then is not waited for."""
INSTRUCTION = "List the files in the current directory."
NOWHERE = Endpoint("http", "127.0.0.1", 9)
"""Nothing is sent on."""


@dataclass(frozen=True)
class OpeningRequest:
    """The first request of an agent for its task.

    Args:
        path: that it asked at.
        body: what it sent.
    """

    path: str
    body: dict[str, Any]


class OpeningWatch(RunWatch):
    """Keeps the first request that is for the task, refuses all, and ends the run then."""

    opening: OpeningRequest | None = None

    def admit(self, method: str, path: str, body: Any) -> tuple[str, Any]:
        """See `RunWatch.admit`."""
        asks = method == "POST" and isinstance(body, dict) and api_of(path) is not None
        if asks and self.opening is None and not self._side(body):
            self.opening = OpeningRequest(path, dict(body))
            self._end("turn_limit", "its first request was what was asked for")
        raise RequestRefused("no model is here: only the first request of the agent is looked at")


def opening_request(agent: Agent, plan: AgentPlan, sandbox: Sandbox) -> OpeningRequest | None:
    """Start an agent, and look at its first request.

    Args:
        agent: to start.
        plan: its name and limits.
        sandbox: where it is started.

    Returns:
        None where it could not be started, or did not ask within LIMIT_S.
    """
    limits = plan.limits.model_copy(update={"turns": 1, "wall_s": LIMIT_S})
    own = agent.watch(limits, {}, 0)
    watch = OpeningWatch(limits, {}, 0, own.side if own is not None else lambda body: False)
    try:
        with scratch_folder("opening") as scratch, RecordingProxy(NOWHERE) as proxy:
            workspace = Path(scratch) / "app"
            workspace.mkdir()
            with proxy.recording("opening", Path(scratch) / "wire.jsonl", policy=watch) as endpoint:
                agent.run(
                    Job(
                        instruction=INSTRUCTION,
                        workspace=workspace,
                        endpoint=endpoint,
                        model="model",
                        sampling={},
                        seed=0,
                        plan=plan.model_copy(update={"limits": limits}),
                        sandbox=sandbox,
                        watch=watch if own is not None else None,
                        socket=proxy.socket,
                    )
                )
    except (OnboxError, OSError):
        return None
    return watch.opening


class AgentOpening:
    """An agent's first request, looked at once.

    Args:
        agent: to start.
        plan: its name and limits.
        sandbox: where it is started.
    """

    def __init__(self, agent: Agent, plan: AgentPlan, sandbox: Sandbox) -> None:
        self._agent, self._plan, self._sandbox = agent, plan, sandbox

    @cached_property
    def body(self) -> dict[str, Any] | None:
        """What it sends; None where it could not be seen."""
        found = opening_request(self._agent, self._plan, self._sandbox)
        return found.body if found is not None else None
