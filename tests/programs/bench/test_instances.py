"""Instances: the same seed gives the same files, another seed others, and all of one instance fit each other."""

import shutil
from pathlib import Path

import pytest

from onbox.bench.assembly import assembled
from onbox.bench.instances import Instances, render
from onbox.bench.sandbox import Sandbox
from onbox.bench.sandbox.choose import choose
from onbox.bench.tasks import BUILTIN, Task, load_task, load_tasks
from onbox.errors import BadSubjectError
from onbox.trial.plan import SEED_STRIDE, run_seed

GENERATED = [task for task in load_tasks("builtin") if task.generated]


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return choose()


def generated(folder: Path, generator: str) -> Task:
    """The task fill-json with a generator."""
    shutil.copytree(assembled(BUILTIN / "fill-json"), folder / "fill-json")
    (folder / "fill-json" / "generate.py").write_text(generator)
    return load_task(folder / "fill-json")


@pytest.mark.parametrize("task", GENERATED, ids=lambda task: task.name)
def test_a_seed_gives_the_same_bytes_and_another_seed_others(task: Task, tmp_path: Path, sandbox: Sandbox) -> None:
    first, again, other = (
        render(task, seed, tmp_path / str(n) / task.name, sandbox) for n, seed in enumerate((1, 1, 2))
    )
    assert first.sha256 == again.sha256
    assert len({task.sha256, first.sha256, other.sha256}) == 3
    assert {first.origin_sha256, other.origin_sha256} == {task.sha256}
    assert not first.generated
    assert not (first.path / "genlib.py").exists()
    given, known = (
        sorted((path.relative_to(root), path.read_bytes()) for path in root.rglob("*") if path.is_file())
        for root in (first.environment / "app", first.tests / "original")
    )
    assert given == known
    assert (first.name, first.family, first.answer) == (task.name, task.family, task.answer)


def test_seed_nought_and_a_task_without_generator_are_the_folder_itself(tmp_path: Path, sandbox: Sandbox) -> None:
    plain, made = load_task(BUILTIN / "fill-json"), load_task(BUILTIN / "rename-2-files")
    instances = Instances(tmp_path, sandbox)
    assert instances.of(plain, 7000) is plain
    assert instances.of(made, 0) is made
    assert instances.of(made, 7000) is instances.of(made, 7000)
    assert instances.of(made, 7000).instruction != made.instruction
    assert load_task(render(made, 0, tmp_path / "out" / made.name, sandbox).path).instruction == made.instruction


@pytest.mark.parametrize(
    ("generator", "message"),
    [
        ("raise SystemExit('no words left')", "ended with exit code 1 for seed 5: no words left"),
        ("open('/etc/seed', 'w')", "ended with exit code 1 for seed 5"),
        ("import socket; socket.create_connection(('127.0.0.1', 9), 1)", "ended with exit code 1 for seed 5"),
    ],
)
def test_a_generator_that_breaks_is_one_line(tmp_path: Path, sandbox: Sandbox, generator: str, message: str) -> None:
    task = generated(tmp_path, generator)
    with pytest.raises(BadSubjectError) as raised:
        Instances(tmp_path / "instances", sandbox).of(task, 5)
    assert message in raised.value.message
    assert str(task.path / "generate.py") in raised.value.message
    assert "\n" not in raised.value.message


def test_a_generator_works_in_a_copy(tmp_path: Path, sandbox: Sandbox) -> None:
    script = "import os, pathlib\npathlib.Path('instruction.md').write_text('Do ' + os.environ['SEED'])\n"
    task = generated(tmp_path, script)
    assert Instances(tmp_path / "instances", sandbox).of(task, 5).instruction == "Do 5"
    assert load_task(task.path).sha256 == task.sha256


def test_seeds_of_runs_are_distinguished_and_do_not_hang_on_other_tasks() -> None:
    seeds = {run_seed(plan, task.name, n) for plan in (1, 2) for task in load_tasks("builtin") for n in range(1, 21)}
    assert len(seeds) == 2 * len(load_tasks("builtin")) * 20
    assert all(0 <= seed < 2**31 - SEED_STRIDE and seed % SEED_STRIDE == 0 for seed in seeds)
    assert run_seed(1, "fill-json", 1) == run_seed(1, "fill-json", 1)
