"""An agent that asks more than the proxy takes: its run is blamed for it, no server is, and no other run notices."""

import threading
from collections.abc import Iterator

import pytest

from onbox.bench.sandbox.bubblewrap import Bubblewrap
from onbox.evidence.records import AgentCommand, WireBound
from tests.agents.runs import Run, Scene, plan, scene
from tests.e2e.cli import scripted

pytestmark = pytest.mark.bwrap
OPENING = """
import http.client, json, os, socket, sys
from urllib.parse import urlsplit

url, model, task = sys.argv[1:]
where = urlsplit(url)
tool = {"type": "function", "function": {"name": "bash", "parameters": {"properties": {"command": {}}}}}
body = {"model": model, "messages": [{"role": "user", "content": task}], "tools": [tool]}

def ask(body, path="/chat/completions"):
    connection = http.client.HTTPConnection(where.hostname, where.port)
    connection.request("POST", where.path + path, json.dumps(body), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    return reply.status, reply.read()

status, reply = ask(body)
assert status == 200, reply
call = json.loads(reply)["choices"][0]["message"]["tool_calls"][0]
command = json.loads(call["function"]["arguments"])["command"]
"""
FULL = "while ask({**body, 'tools': [], 'note': 'x' * 900})[0] != 413: pass"
LARGE = "print(ask({**body, 'note': 'x' * 200_000})[0])"
MANY = """
import select

def stall():
    connection = socket.create_connection((where.hostname, where.port))
    text = json.dumps({**body, "tools": [], "model": "scripted-stall"}).encode()
    head = f"POST {where.path}/chat/completions HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: {len(text)}\\r\\n\\r\\n"
    connection.sendall(head.encode() + text)
    return connection

waiting = stall()
while ask({**body, 'tools': []})[0] != 429:
    # The one that is to wait may be the one that was refused, if another was under way just then.
    if select.select([waiting], [], [], 0.2)[0] and b" 429 " in waiting.recv(16, socket.MSG_PEEK):
        waiting = stall()
"""
BREAKS, DOES, ENDS = "\nsys.exit(7)", "\nos.system(command)", "\n"
BOUNDS = {
    "record_bytes": ("onbox.wire.proxy.RECORD_BYTES_MAX", 30_000, FULL, "as the record was full"),
    "requests_at_a_time": ("onbox.wire.proxy.RUN_REQUESTS_MAX", 1, MANY, "beyond those it may have under way"),
    "request_bytes": ("onbox.wire.agent_connection.MAX_REQUEST_BYTES", 100_000, LARGE, "too large"),
    "held_bytes": (
        "onbox.wire.agent_connection.MAX_REQUESTS_BYTES",
        200_000,
        LARGE,
        "beyond the room for those under way",
    ),
}


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scripted("good") as url, scene(url, Bubblewrap(), tmp_path_factory.mktemp("runs")) as made:
        yield made


def run(stage: Scene, script: str) -> Run:
    argv = ("sh", "-c", 'exec python3 -c "$0" "$@"', OPENING + script, "{url}", "{model}", "{prompt}")
    return stage.run(plan("mine").model_copy(update={"command": AgentCommand(argv=argv)}), "good", "fill-json")


@pytest.mark.parametrize("end", [BREAKS, ENDS], ids=["breaks", "ends"])
@pytest.mark.parametrize("bound", BOUNDS)
def test_a_bound_is_no_fault_of_the_server_and_nobody_else_pays(
    stage: Scene, monkeypatch: pytest.MonkeyPatch, bound: str, end: str
) -> None:
    name, value, script, words = BOUNDS[bound]
    monkeypatch.setattr(name, value)
    beside: list[Run] = []
    thread = threading.Thread(target=lambda: beside.append(stage.run(plan("builtin"), "good", "fill-json")))
    thread.start()
    met = run(stage, script + end)
    thread.join()
    log = (met.folder / "agent.log").read_text()
    assert (met.result.code, met.result.outcome, met.result.attribution) == ("L-WIRE", "failed", "limit"), log
    assert set(met.record.refused) == {bound}
    assert words in met.result.detail
    if bound == "record_bytes":
        assert met.record.agent.stop == "wire_limit", "it may ask nothing more, and is not waited for"
    assert [(each.result.code, each.record.refused) for each in beside] == [("PASS", {})]


@pytest.mark.parametrize("bound", ["requests_at_a_time", "request_bytes"])
def test_a_run_that_did_its_task_passes_and_says_what_was_refused(
    stage: Scene, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    name, value, script, words = BOUNDS[bound]
    monkeypatch.setattr(name, value)
    met = run(stage, script + DOES)
    assert met.result.code == "PASS", (met.folder / "agent.log").read_text()
    assert set(met.record.refused) == {bound}
    assert words in met.result.detail


def test_an_agent_whose_every_request_is_refused_never_asked_the_model(
    stage: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onbox.wire.agent_connection.MAX_REQUEST_BYTES", 10)
    met = run(stage, "")
    assert (met.result.code, met.result.attribution) == ("I-AGENT", "agent")
    assert "1 too large" in met.result.detail


def test_who_asks_on_and_on_is_ended(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onbox.wire.agent_connection.MAX_REQUEST_BYTES", 100_000)
    monkeypatch.setattr("onbox.bench.agents.run_watch.REFUSALS_MAX", 20)
    met = run(stage, f"while True: {LARGE}")
    assert (met.result.code, met.record.agent.stop) == ("L-WIRE", "wire_limit")
    assert met.record.refused[WireBound.REQUEST_BYTES] >= 20


def test_the_built_in_agent_meets_a_full_record(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onbox.wire.proxy.RECORD_BYTES_MAX", 100)
    met = stage.run(plan("builtin"), "good", "rename-2-files")
    assert (met.result.code, met.record.refused) == ("L-WIRE", {"record_bytes": 1})
    assert len(met.exchanges) == 1


def test_an_agent_of_others_fills_the_disk(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onbox.bench.sandbox.disk_watch.BYTES_MAX", 32 << 20)
    fills = "import time\nfor n in range(400):\n    open(f'f{n}', 'wb').write(b'0' * (1 << 20))\n    time.sleep(0.02)"
    filled = run(stage, fills)
    assert (filled.result.code, filled.record.agent.stop) == ("L-DISK", "disk_limit")
