"""A key goes to the server that wants it and nowhere else: not into evidence, not to the agent, not into messages."""

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from onbox import atomic_files, recipes
from onbox.app.exporting import export_trial
from onbox.app.sealing import seal
from onbox.atomic_files import write_atomic, write_json
from onbox.engines.openai.attached import Attached
from onbox.errors import UsageError
from onbox.evidence.folder import TrialFolder, append_line, json_of
from onbox.evidence.records import LedgerKind, StandUp
from onbox.launch.lifetime import Lifetime
from onbox.trial.plan import make_plan
from onbox.trial.spec import TrialSpec
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from onbox.wire.proxy import RecordingProxy
from tests.builders import LARGE, SMALL, build_plan, scripted_run, text_reply, write_run, write_stand_up
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


# ---------------------------------------------------------------- a key that somebody says


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> str:
    """A key that this process knows, for one test."""
    monkeypatch.setattr(atomic_files, "_secrets", set())
    atomic_files.keep_out(PLANTED)
    return PLANTED


PLANTED = 'sk-planted-0123"456\\789'
"""With characters that JSON and paths write otherwise."""


def holders(folder: Path) -> list[str]:
    """The files below a folder that hold the key, in any way that it can be written."""
    escaped = json.dumps(PLANTED)[1:-1]
    forms = (PLANTED, escaped, json.dumps(escaped)[1:-1], quote(PLANTED, safe=""))
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [str(path) for path in files if any(form.encode() in path.read_bytes() for form in forms)]


def test_a_planted_key_is_in_no_file_of_the_folder_its_reports_and_its_exports(planted: str, tmp_path: Path) -> None:
    """As a server, an agent or a task may say it: in every text of the records, the wire and the trajectory."""
    folder = TrialFolder.create(tmp_path / "trial", build_plan((SMALL, LARGE)))
    for contender in (SMALL, LARGE):
        write_stand_up(folder, contender.name)
        for task, letters in contender.runs.items():
            for n, letter in enumerate(letters, 1):
                record, exchanges = scripted_run(letter, contender.name, task, n)
                agent = record.agent.model_copy(update={"reply": planted, "detail": planted})
                record = record.model_copy(update={"fault": planted if record.fault else "", "agent": agent})
                spoken = [*exchanges, text_reply(planted, reasoning=planted, id=9, start_s=9)]
                where = write_run(folder, record, spoken)
                step = {
                    "role": "assistant",
                    "content": planted,
                    "tool_calls": [{"name": planted, "arguments": planted}],
                }
                write_json(where / "trajectory.json", {"steps": [step]})
                for name in ("gate.txt", "workspace.patch", "agent.log"):
                    write_atomic(where / name, f"said {planted}\n".encode())
    folder.note(LedgerKind.FAILED, "large", planted)
    seal(folder)
    for kind in ("csv", "atif", "harbor", "inspect", "in-toto"):
        export_trial(folder.path, kind, tmp_path / f"{kind}.out")
    assert "[redacted]" in (folder.path / "report.html").read_text("utf-8")
    assert holders(tmp_path) == []


def test_numbers_that_are_none_and_half_characters_are_written_as_what_can_be_read(tmp_path: Path) -> None:
    said = {"a": float("inf"), "b": [float("nan"), "\ud800"], "c": 1e308}
    write_json(tmp_path / "x.json", said)
    append_line(tmp_path / "x.jsonl", said)
    for text in ((tmp_path / "x.json").read_text(), (tmp_path / "x.jsonl").read_text()):
        assert json_of(text) == {"a": "inf", "b": ["nan", "\ud800"], "c": 1e308}
