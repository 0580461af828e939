"""The first request of each installed agent, looked at in the sandbox: what the table says of it still holds."""

import json

import pytest

from onbox.bench.agents import OPENING_TOKENS, agent_of
from onbox.bench.agents.opening import opening_request
from onbox.bench.sandbox.choose import choose
from onbox.evidence.records import AgentPlan, Limits

pytestmark = [pytest.mark.agents, pytest.mark.slow]


@pytest.mark.parametrize("name", ["opencode", "mini-swe-agent"])
def test_the_first_request_is_noticed_and_is_about_as_large_as_the_table_says(name: str) -> None:
    plan = AgentPlan(name=name, version="any", limits=Limits())
    found = opening_request(agent_of(plan), plan, choose())
    assert found is not None, f"{name} did not ask"
    assert 0.5 < len(json.dumps(found.body)) / 3.7 / OPENING_TOKENS[name] < 2
