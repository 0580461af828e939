"""What an agent may leave behind and say, in odd forms: each builtin gate says pass or fail of it, and never nothing.

`ONBOX_FUZZ=500` asks for so many seeds instead of the few that CI takes, `ONBOX_FUZZ_FROM=40` for those from 40 on.
"""

import os
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from onbox.bench.audit.admission import missing_programs
from onbox.bench.gate import grade
from onbox.bench.instances import render
from onbox.bench.sandbox import Sandbox
from onbox.bench.sandbox.choose import choose
from onbox.bench.tasks import Task, load_tasks
from tests.fuzz.mutations import mutate, mutated_bytes, odd_answers
from tests.programs.bench.test_gate import solved

SEEDS, FIRST = (int(os.environ.get(name, usual)) for name, usual in (("ONBOX_FUZZ", "10"), ("ONBOX_FUZZ_FROM", "0")))
CODE = (".py", ".js", ".mjs", ".ts")
GATE_S = 20.0
"""Instead of a task's own: code that was changed may go round in circles."""
REPLIES = ("", "\ud83d", "Done.", "[" * 50_000, '{"answer": NaN}', "0" * 100_000, "\x00", "**" * 5_000, "- " * 5_000)


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return choose()


@pytest.fixture(scope="module")
def tasks(sandbox: Sandbox) -> list[Task]:
    loaded = load_tasks("builtin")
    missing = missing_programs(loaded, sandbox)
    return [task for task in loaded if task.name not in missing]


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_each_gate_says_pass_or_fail_of_anything(
    seed: int, sandbox: Sandbox, tasks: list[Task], tmp_path: Path
) -> None:
    source = Random(f"gate {seed}")
    chosen = tasks[seed % len(tasks)]
    task = render(chosen, seed if chosen.generated else 0, tmp_path / chosen.name, sandbox)
    app = tmp_path / "app"
    reply = solved(task, app, sandbox)
    files = sorted(path for path in app.rglob("*") if path.is_file())
    chosen_files = source.sample(files, min(len(files), source.choice([0, 1, 1, 2])))
    if source.random() < 0.5:
        done = list(filter(None, [odd_answers(path, source) for path in files if path.suffix in CODE]))
    else:
        done = [mutate(path, source) for path in chosen_files]
    if not done or source.random() < 0.3:
        reply = source.choice([*REPLIES, mutated_bytes(reply.encode(), source).decode("utf-8", "surrogateescape")])
        done.append(f"reply {reply[:60]!r}")
    end = grade(replace(task, gate_timeout_s=min(task.gate_timeout_s, GATE_S)), app, reply, sandbox)
    assert end.exit_code in (0, 1), f"seed {seed}: {task.name}: {done}: {end.exit_code}: {end.reason}"
