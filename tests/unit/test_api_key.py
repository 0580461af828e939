"""A key goes to the server that wants it and nowhere else: not into evidence, not to the agent, not into messages."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from onbox import recipes
from onbox.engines.openai.attached import Attached
from onbox.errors import UsageError
from onbox.evidence.records import StandUp
from onbox.launch.lifetime import Lifetime
from onbox.trial.plan import make_plan
from onbox.trial.spec import TrialSpec
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from onbox.wire.proxy import RecordingProxy
from tests.doubles.server import Asked as Request
from tests.doubles.server import Wire, serving

KEY = "sk-very-secret-indeed"
NAME = "ONBOX_TEST_KEY"


def guarded(asked: Request, wire: Wire) -> None:
    """Quotes whatever key came, and refuses all but one."""
    said = asked.headers.get("authorization", "")
    if said != f"Bearer {KEY}":
        wire.whole(401, {"error": {"message": f"not a key: {said}"}})
    elif asked.path == "/v1/models":
        wire.whole(200, {"data": [{"id": "m"}], "quoted": said})
    else:
        wire.whole(200, {"choices": [{"message": {"content": f"ok, {said}"}, "finish_reason": "stop"}]})


def test_the_client_sends_it_and_keeps_it_out_of_the_record() -> None:
    with serving(guarded) as server:
        endpoint = replace(Endpoint.parse(server.url), key=KEY)
        with StampedClient(endpoint) as client:
            exchange = client.post("/chat/completions", {}, purpose="probe")
        with StampedClient(Endpoint.parse(server.url)) as client:
            assert client.post("/chat/completions", {}, purpose="probe").status == 401
    assert exchange.status == 200
    assert KEY not in exchange.model_dump_json()
    assert "ok, Bearer [redacted]" in exchange.body().decode()
    assert KEY not in f"{endpoint!r} {endpoint}"


def test_the_proxy_sends_it_for_the_agent(tmp_path: Path) -> None:
    tape = tmp_path / "wire.jsonl"
    with serving(guarded) as server:
        upstream = replace(Endpoint.parse(server.url), key=KEY)
        with RecordingProxy(upstream) as proxy, proxy.recording("a", tape) as seat:
            reply = httpx.post(f"{seat.api}/chat/completions", json={}, headers={"authorization": "Bearer dummy"})
    assert reply.status_code == 200
    assert KEY not in tape.read_text()


def test_a_life_takes_it_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, f" {KEY}\n")
    with serving(guarded) as server:
        recipe = recipes.of_url(server.url, None, NAME)
        with Lifetime(recipe, Attached(), None, tmp_path) as life:
            assert life.model == "m"
            assert life.alive()
    assert StandUp.model_validate_json((tmp_path / "phases.json").read_text()).url.startswith("http://")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY in path.read_text()]


def test_a_variable_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    recipe = recipes.of_url("http://127.0.0.1:1/v1", "m", NAME)
    with pytest.raises(UsageError, match=f"{NAME} is not set"):
        Lifetime(recipe, Attached(), None, tmp_path)


def test_the_plan_holds_the_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, KEY)
    asked = TrialSpec(contenders=("http://127.0.0.1:1/v1",), api_key_env=NAME, bench=False, kind="speed")
    plan, _ = make_plan(asked, sandbox="not needed", read_gb_s=None)
    assert plan.contenders[0].recipe["api_key_env"] == NAME
    assert KEY not in plan.model_dump_json()


def test_the_key_itself_is_no_name_of_a_variable() -> None:
    with pytest.raises(UsageError, match="api_key_env"):
        recipes.of_url("http://127.0.0.1:1/v1", "m", KEY)
