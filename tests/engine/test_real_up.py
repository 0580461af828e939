"""`onbox up` with real llama.cpp: the guard knows the plan and leaves it alone; kill -9 leaves nothing."""

import json
from pathlib import Path

import psutil
import pytest

from onbox.supervisor.supervise import GRACE_S
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from tests.e2e.cli import GONE_S, Session, environment, onbox

pytestmark = [pytest.mark.engine, pytest.mark.slow]
RECIPE = "smollm2-135m"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(XDG_STATE_HOME=str(tmp_path / "state"), XDG_RUNTIME_DIR="")


def test_a_healthy_start_is_served_proven_and_put_away(env: dict[str, str]) -> None:
    done = onbox("up", RECIPE, "--json", env=env)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["state"] == "serving"
    assert result["guard"]["plan_bytes"] > 500 << 20
    assert result["backend"]["named"] == {"device": "CPU"}
    with StampedClient(Endpoint.parse(result["url"])) as client:
        body = {"messages": [{"role": "user", "content": "Say ok."}], "max_tokens": 8}
        assert client.post("/chat/completions", body, purpose="canary").status == 200
    down = onbox("down", RECIPE, "--json", env=env)
    assert down.returncode == 0, down.stderr
    gone = json.loads(down.stdout)["gone"]
    assert (gone["process"], gone["port"]) == (True, True)
    assert not psutil.pid_exists(result["pid"])


@pytest.mark.parametrize("phase", ["start", "load", "first token"])
def test_kill_9_in_any_phase_leaves_nothing(env: dict[str, str], phase: str) -> None:
    session = Session("up", RECIPE, env=env)
    session.wait_for(f"{phase} begins")
    session.kill()
    # While it loads, Python's handler of TERM has no turn: the supervisor's grace passes before its KILL.
    assert session.left(GRACE_S + GONE_S) == []
    (observation,) = json.loads(onbox("ps", "--json", env=env).stdout)["engines"]
    assert observation["state"] in ("stopped", "died", "interrupted")
