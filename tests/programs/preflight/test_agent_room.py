"""How much of the context an agent's first request takes: measured, and counted as the server counts."""

from pathlib import Path
from typing import Any

from onbox.bench.agents import Agent, Job
from onbox.bench.agents.opening import AgentOpening
from onbox.bench.sandbox.choose import choose
from onbox.errors import BoxError
from onbox.evidence.records import AgentPlan, Limits


def test_an_agent_that_cannot_be_started_is_no_reason_to_stop(tmp_path: Path) -> None:
    class Missing:
        name, takes = "missing", frozenset[str]()
        runs = 0

        def version(self) -> str:
            return "1"

        def watch(self, limits: Limits, sampling: dict[str, Any], seed: int) -> None:
            return None

        def run(self, job: Job) -> Any:
            Missing.runs += 1
            raise BoxError("missing: not installed", "install it")

    agent: Agent = Missing()
    opening = AgentOpening(agent, AgentPlan(name="missing", version="1", limits=Limits()), choose())
    assert (opening.body, opening.body, Missing.runs) == (None, None, 1)
