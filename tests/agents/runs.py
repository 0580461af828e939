"""One run of an agent against a scripted engine, without the command line around it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onbox.bench.agents import agent_of
from onbox.bench.runner import Bench
from onbox.bench.sandbox import Sandbox
from onbox.bench.tasks import load_tasks
from onbox.evidence.folder import read_lines
from onbox.evidence.records import AgentPlan, Exchange, Limits, RunRecord, SandboxReport
from onbox.judge.results import RunResult
from onbox.judge.runs.attribution import attribute
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from onbox.wire.proxy import RecordingProxy


@dataclass(frozen=True)
class Run:
    """A run that is over.

    Args:
        folder: of the run.
        record: its `run.json`.
        exchanges: its `wire.jsonl`.
        result: what the judge says of it.
    """

    folder: Path
    record: RunRecord
    exchanges: list[Exchange]
    result: RunResult

    def of(self, purpose: str) -> list[Exchange]:
        """The exchanges of one purpose."""
        return [exchange for exchange in self.exchanges if exchange.purpose == purpose]


@dataclass(frozen=True)
class Scene:
    """A scripted engine, the proxy before it, and a sandbox."""

    proxy: RecordingProxy
    sandbox: Sandbox
    folder: Path

    def run(
        self, agent: AgentPlan, mode: str, task: str = "fix-failing-test", arm: str = "baseline", **more: Any
    ) -> Run:
        """One run of a builtin task by an agent, with a model that follows the mode.

        Args:
            agent: its name, limits and command.
            mode: of the scripted engine.
            task: its name.
            arm: how the agent is equipped.
            more: further fields of `Bench`.
        """
        (loaded,) = load_tasks("builtin", [task])
        upstream = self.proxy.upstream
        fields: dict[str, Any] = {
            "contender": "scripted",
            "model": f"scripted-{mode}",
            "sampling": {},
            "agent": agent_of(agent),
            "plan": agent,
            "proxy": self.proxy,
            "sandbox": self.sandbox,
            "sandbox_report": SandboxReport(name=self.sandbox.name),
            "launch_id": "scripted",
            "alive": lambda: StampedClient(upstream).get("/health").status == 200,
            **more,
        }
        folder = self.folder / agent.name / arm / mode
        record = Bench(**fields).run(loaded, arm, 1, 7000, folder)
        wire = folder / "wire.jsonl"
        exchanges = [Exchange.model_validate(line) for line in read_lines(wire)]
        return Run(folder, record, exchanges, attribute(record, exchanges))


@contextmanager
def scene(url: str, sandbox: Sandbox, folder: Path) -> Iterator[Scene]:
    """A proxy before the engine at `url`."""
    with RecordingProxy(Endpoint.parse(url)) as proxy:
        yield Scene(proxy, sandbox, folder)


def plan(name: str, **limits: Any) -> AgentPlan:
    """An agent with these limits, and otherwise generous ones."""
    return AgentPlan(name=name, version="", limits=Limits(**{"turns": 12, "wall_s": 90.0, **limits}))
