"""`onbox task`: what it writes is a whole task that stands its audit."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from onbox.bench.audit import audit
from onbox.bench.sandbox.choose import choose
from onbox.bench.scaffold import write_scaffold
from onbox.bench.tasks import BUILTIN, Answer, load_task, load_tasks
from onbox.cli.commands.task import command
from onbox.errors import UsageError


@pytest.mark.parametrize("answer", [pytest.param("workspace", marks=pytest.mark.slow), "reply"])
def test_a_new_task_passes_its_audit_as_written(tmp_path: Path, answer: Answer) -> None:
    task = write_scaffold(tmp_path / "mine" / "first", answer)
    assert (task.name, task.answer, task.family) == ("first", answer, "mine")
    found = audit(task, choose())
    assert found.missed == ()
    kinds = {end.probe.split(":")[0].split("/")[0] for end in found.probes}
    assert {"oracle", "nothing done", "variants", "rewritten", "wrong", "cheat"} <= kinds
    assert (task.tests / "gatelib.py").read_bytes() == (BUILTIN / "lib" / "gatelib.py").read_bytes()


def test_a_new_task_overwrites_nothing(tmp_path: Path) -> None:
    write_scaffold(tmp_path / "first", "reply")
    with pytest.raises(UsageError, match="is there already"):
        write_scaffold(tmp_path / "first", "reply")


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    made = json.loads(run(command, ["new", "first", "--to", "mine", "--answer", "reply", "--json"]).stdout)
    assert made == {"name": "first", "path": str(tmp_path / "mine" / "first")}
    with pytest.raises(UsageError, match="a/b: a task's name may contain"):
        run(command, ["new", "a/b"], catch_exceptions=False)

    arguments = ["render", "rename-2-files", "--seed", "7000", "--to", "plain/rename-2-files", "--json"]
    result = json.loads(run(command, arguments).stdout)
    plain = load_task(tmp_path / "plain" / "rename-2-files")
    assert result == {"task": "rename-2-files", "seed": 7000, "path": str(plain.path), "sha256": plain.sha256}
    assert plain.instruction != load_tasks("builtin", ["rename-2-files"])[0].instruction
    assert [task.name for task in load_tasks(Path("plain"))] == ["rename-2-files"]
    with pytest.raises(UsageError, match="is there already"):
        run(command, arguments, catch_exceptions=False)
    assert json.loads(run(command, ["render", "mine/first", "--seed", "0", "--to", "again/first", "--json"]).stdout)
