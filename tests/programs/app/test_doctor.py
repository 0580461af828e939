"""`onbox doctor`: the rooms' own checks, told together."""

import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from onbox.app.doctor import NOT_PASSED, examine_box
from onbox.bench.agents import agent_names
from onbox.bench.sandbox.choose import choose
from onbox.cli.main import onbox
from onbox.schema.checks import Check


@pytest.fixture(scope="module")
def found() -> dict[str, Check]:
    """What it says of this box."""
    return {each.id: each for each in examine_box()}


def test_every_part_is_reported_once(found: dict[str, Check]) -> None:
    wanted = {"sandbox", "sandbox.bubblewrap", "sandbox.sandlock", "engine.llama-embedded", "containers.docker",
              "containers.podman", *(f"agent.{name}" for name in agent_names())}  # fmt: skip
    assert wanted <= set(found)
    assert any(name.startswith("gpu") for name in found)
    assert any(name.startswith("box.") for name in found)
    assert {each.status for each in found.values()} <= {"pass", *NOT_PASSED}
    assert all(each.observed for each in found.values())


def test_the_sandbox_is_the_one_that_a_trial_takes(found: dict[str, Check], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOX_SANDBOX", "bubblewrap" if found["sandbox.bubblewrap"].status == "pass" else "sandlock")
    assert str(found["sandbox"].observed).split()[0] == choose().name


def test_without_a_sandbox_no_trial_can_be_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOX_SANDBOX", "docker")
    monkeypatch.setenv("PATH", "/nowhere")
    sandbox = next(each for each in examine_box() if each.id == "sandbox")
    assert sandbox.status == "fail"
    assert sandbox.hint


def test_what_is_not_here_is_reported_with_what_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    bare = {each.id: each for each in examine_box()}
    for name, hint in (("containers.docker", "docker"), ("containers.podman", "podman"), ("agent.codex", "")):
        assert bare[name].status == "warn", bare[name]
        assert hint in bare[name].hint
    assert bare["agent.builtin"].status == "pass"
    assert "proxy.images" not in bare


def test_a_daemon_that_does_not_answer_is_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho 'permission denied while trying to connect' >&2\nexit 1\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    docker = next(each for each in examine_box() if each.id == "containers.docker")
    assert docker.status == "warn"
    assert "permission denied" in str(docker.observed)
    assert "group docker" in docker.hint


def test_the_contract() -> None:
    done = CliRunner().invoke(onbox, ["doctor", "--json"])
    assert done.exit_code == 0
    checks = json.loads(done.stdout)["checks"]
    assert all(set(check) == {"id", "status", "observed", "hint"} for check in checks)
    assert "sandbox" in {check["id"] for check in checks}
