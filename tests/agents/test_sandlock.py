"""Agents of others in the second tier: Landlock and seccomp in the place of namespaces."""

from collections.abc import Iterator

import pytest

from onbox.bench.sandbox.sandlock import Sandlock
from tests.agents.runs import Scene, plan, scene
from tests.agents.test_mcp import SAID, TOOLS
from tests.e2e.cli import scripted
from tests.parts import each_agent

pytestmark = [pytest.mark.agents, pytest.mark.slow]


@pytest.fixture(scope="module")
def landlocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A scripted engine, and sandlock."""
    with scripted("good") as url, scene(url, Sandlock(), tmp_path_factory.mktemp("runs")) as made:
        yield made


@pytest.mark.parametrize("name", each_agent())
def test_does_a_task(landlocked: Scene, name: str) -> None:
    run = landlocked.run(plan(name), "good", "fill-json")
    log = (run.folder / "agent.log").read_text()
    assert run.result.code == "PASS", (run.result, log)
    assert (run.record.agent.stop, run.record.changes.files) == ("answered", 1)
    assert "Permission denied" not in log


def test_a_server_of_tools_of_an_arm(landlocked: Scene) -> None:
    run = landlocked.run(plan("codex"), "mcp", "fill-json", arm="tools", treatments={"tools": TOOLS})
    assert run.result.code == "PASS", (run.result, (run.folder / "agent.log").read_text())
    assert SAID in str(run.of("agent")[-1].request)
