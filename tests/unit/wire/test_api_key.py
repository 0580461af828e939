"""A key goes to the server that wants it and nowhere else: not into evidence, not to the agent, not into messages."""

import json
import shutil
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import pytest

from onbox import recipes, secret_forms
from onbox.app.exporting import export_trial
from onbox.app.sealing import seal
from onbox.atomic_files import write_atomic, write_json
from onbox.bench import workspace_archive
from onbox.engines.openai.attached import AttachedServer
from onbox.errors import BadSubjectError, UsageError
from onbox.evidence.folder import TrialFolder, append_line, json_of
from onbox.evidence.records import LedgerKind, StandUp
from onbox.exporters import names
from onbox.launch.lifetime import Lifetime
from onbox.secret_forms import without_secrets
from onbox.supervisor.log_stamper import LineStamper, Phases
from onbox.trial.plan import make_plan
from onbox.trial.spec import TrialSpec
from onbox.watch.recording import Header, Recorder, WatchRecording
from onbox.watch.samples import WatchSample
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from onbox.wire.proxy import RecordingProxy
from onbox.wire.redaction import redacted_chunks
from tests.builders import LARGE, SMALL, build_plan, scripted_run, speed_parts, write_run, write_stand_up
from tests.doubles.server import ReceivedRequest as Request
from tests.doubles.server import Wire, serving
from tests.exchanges import text_reply
from tests.planted import PLANTED, forms, holders

KEY = "sk-very-secret-indeed"
NAME = "ONBOX_TEST_KEY"


def guarded(request: Request, wire: Wire) -> None:
    """Quotes whatever key came, and refuses all but one."""
    authorization = request.headers.get("authorization", "")
    if authorization != f"Bearer {KEY}":
        wire.whole(401, {"error": {"message": f"not a key: {authorization}"}})
    elif request.path == "/v1/models":
        wire.whole(200, {"data": [{"id": "m"}], "quoted": authorization})
    else:
        wire.whole(200, {"choices": [{"message": {"content": f"ok, {authorization}"}, "finish_reason": "stop"}]})


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
        with Lifetime(recipe, AttachedServer(), None, tmp_path) as life:
            assert life.model == "m"
            assert life.alive()
    assert StandUp.model_validate_json((tmp_path / "phases.json").read_text()).url.startswith("http://")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY in path.read_text()]


def test_a_variable_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    recipe = recipes.of_url("http://127.0.0.1:1/v1", "m", NAME)
    with pytest.raises(UsageError, match=f"{NAME} is not set"):
        Lifetime(recipe, AttachedServer(), None, tmp_path)


def test_the_plan_holds_the_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, KEY)
    request = TrialSpec(contenders=("http://127.0.0.1:1/v1",), api_key_env=NAME, bench=False, kind="speed")
    plan, _ = make_plan(request, sandbox="not needed", read_gb_s=None)
    assert plan.contenders[0].served.api_key_env == NAME
    assert KEY not in plan.model_dump_json()


def test_the_key_itself_is_no_name_of_a_variable() -> None:
    with pytest.raises(UsageError, match="api_key_env"):
        recipes.of_url("http://127.0.0.1:1/v1", "m", KEY)


# ---------------------------------------------------------------- a key that somebody says


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> str:
    """A key that this process knows, for one test."""
    monkeypatch.setattr(secret_forms, "_secrets", {})
    secret_forms.keep_out(PLANTED)
    return PLANTED


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


def test_a_planted_key_is_in_no_export_of_any_format(planted: str, tmp_path: Path) -> None:
    """Of a measurement and of runs; an exporter that is added later is asked too."""
    folder = TrialFolder.create(tmp_path / "trial", build_plan((SMALL, LARGE)))
    for contender in (SMALL, LARGE):
        write_stand_up(folder, contender.name)
        parts = speed_parts(25.0)
        parts.exchanges = [
            each.model_copy(update={"headers": {**each.headers, "server": planted, "x-request-id": planted}})
            for each in parts.exchanges
        ]
        parts.metrics_before = f"# HELP llamacpp:{planted}\n{parts.metrics_before}"
        parts.run = parts.run.model_copy(update={"engine": "llama.cpp"})
        parts.write(folder.contender(contender.name) / "speed" / "1")
        for task in contender.runs:
            record, exchanges = scripted_run("P", contender.name, task, 1)
            write_run(folder, record, [*exchanges, text_reply(planted, reasoning=planted, id=9, start_s=9)])
    folder.note(LedgerKind.FAILED, "large", planted)
    seal(folder)
    made = []
    for kind in names():
        with suppress(BadSubjectError):
            made.append(export_trial(folder.path, kind, tmp_path / f"{kind}.out"))
    assert len(made) >= 8, "and the key is looked for in each"
    assert holders(tmp_path) == []


def test_numbers_that_are_none_and_half_characters_are_written_as_what_can_be_read(tmp_path: Path) -> None:
    message = {"a": float("inf"), "b": [float("nan"), "\ud800"], "c": 1e308}
    write_json(tmp_path / "x.json", message)
    append_line(tmp_path / "x.jsonl", message)
    for text in ((tmp_path / "x.json").read_text(), (tmp_path / "x.jsonl").read_text()):
        assert json_of(text) == {"a": "inf", "b": ["nan", "\ud800"], "c": 1e308}


def test_a_key_is_found_in_every_form_and_nothing_else_is_touched(planted: str) -> None:
    for form in forms():
        assert without_secrets(b"before " + form + b" after") == b"before [redacted] after", form
    for other in (planted[:-1], planted.replace("pl", "PL"), planted[4:]):
        assert without_secrets(other.encode()) == other.encode()


def test_variables_that_are_named_like_keys_and_look_like_some_are_kept_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = secret_forms.in_environment(
        {
            "HF_TOKEN": "hf_0123456789abcdefgh",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "DB_PASSWORD": "correct0horse1battery",
            "USE_TOKEN": "disabled",
            "HF_TOKEN_PATH": "/root/.cache/huggingface/token1",
            "SOME_TOKEN": "/run/secrets/token-number-1",
            "PATH": "/usr/bin:/bin:/usr/local/bin1",
            "TOKENIZERS_PARALLELISM": "0123456789abcdefgh",
        }
    )
    assert [value[:4] for value in found] == ["hf_0", "wJal", "corr"]


def test_an_engine_s_log_holds_no_key_of_its_environment(planted: str, tmp_path: Path) -> None:
    with (tmp_path / "engine.log").open("wb", buffering=0) as file:
        stamper = LineStamper(file, 0.0, Phases(()))
        stamper.write(f"args: {{'api_key': '{planted[:9]}".encode())
        stamper.write(f"{planted[9:]}'}}\nready\n".encode())
    log = (tmp_path / "engine.log").read_text()
    assert "args: {'api_key': '[redacted]'}" in log
    assert "ready" in log


@pytest.mark.parametrize("name", ["watch.jsonl", "watch.jsonl.gz"])
def test_a_recording_of_a_watch_holds_no_key_that_a_program_prints(planted: str, tmp_path: Path, name: str) -> None:
    with Recorder(tmp_path / name, Header(title=f"serve --key {planted}")) as recorder:
        for n in range(3):
            recorder.write(WatchSample(t_ns=n * 10**9, log=(f"env: KEY={planted}", "ready"), stacks=planted))
    assert holders(tmp_path) == []
    (first, *_) = WatchRecording(tmp_path / name)
    assert first.log == ("env: KEY=[redacted]", "ready")


def test_a_kept_workspace_holds_no_key_and_is_rebuilt_by_its_hash(planted: str, tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    for folder in (before, after):
        folder.mkdir()
        (folder / "a.txt").write_text("a")
    (after / "b.txt").write_text(f"key: {planted}")
    sha256 = workspace_archive.keep(before, after, tmp_path / "run")
    assert holders(tmp_path / "run") == []
    target = tmp_path / "target"
    make = partial(shutil.copytree, before)
    workspace_archive.rebuild(make, tmp_path / "run" / workspace_archive.NAME, target, sha256)
    assert (target / "b.txt").read_text() == "key: [redacted]"


@pytest.mark.parametrize("start", ["", PLANTED[:2], PLANTED[:5], "&#0", PLANTED.partition("\\")[0]])
def test_a_text_of_backslashes_costs_in_proportion(start: str) -> None:
    """A model that loops may write a million; each was tried with all that followed."""
    secret = secret_forms.Secret(PLANTED)

    def seconds(count: int) -> float:
        data = b"\\u00e9" + (start.encode() + b"\\" * 50) * 20 + start.encode() + b"\\" * count + b"0" * count
        began = time.process_time()
        for _ in range(5):
            assert secret.replaced(data) == data
        return time.process_time() - began

    seconds(100)
    # Thirty-two times as much; were each looked through to the end of the row, a thousand times.
    assert min(seconds(64_000) for _ in range(3)) < 200 * max(seconds(2000), 0.0005)


@pytest.mark.parametrize("written", ["as it is", "as JSON"])
def test_a_key_that_two_reads_cut_in_two_is_in_neither(planted: str, written: str) -> None:
    message = planted if written == "as it is" else json.dumps(planted)[1:-1]
    for cut in range(1, len(message)):
        pieces = redacted_chunks([(1, f"a {message[:cut]}"), (2, f"{message[cut:]} b")], ())
        assert pieces == ((1, "a [redacted]"), (2, " b")), cut
