"""Writes a commit as a task in Harbor's layout."""

import json
import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from onbox.bench.assembly import LIBRARIES
from onbox.bench.history.repository import Commit, lay_out
from onbox.bench.history.runners import NEEDS, Suite
from onbox.bench.image_layout import SEALED
from onbox.bench.sandbox.halt import check
from onbox.bench.tasks import BUILTIN, Task, load_task

_FILES = Path(__file__).with_name("files")
_IMAGES = {"node": "node:22", "vitest": "node:22", "jest": "node:22", "go": "golang:1", "cargo": "rust:1"}
AGENT_S = 900.0


@dataclass(frozen=True)
class Draft:
    """All that a task of a commit is made of.

    Args:
        name: of the task.
        family: of all tasks of its commit.
        commit: that it is made of.
        instruction: what the agent is asked.
        app: the workspace before: content, whether executable.
        solution: the least that its tests need: the changed files as they are then; None: the file is gone.
        upstream: all that the commit changes, tests aside, in the same form.
        suite: the tests that decide.
        fail_to_pass: ids that fail before and pass after.
        pass_to_pass: ids that pass before and after.
        exact: the layout of the code matters to the tests.
        patch: the least solution, for people.
    """

    name: str
    family: str
    commit: Commit
    instruction: str
    app: Mapping[str, tuple[bytes, bool]]
    solution: Mapping[str, bytes | None]
    upstream: Mapping[str, bytes | None]
    suite: Suite
    fail_to_pass: Collection[str]
    pass_to_pass: Collection[str]
    exact: bool
    patch: str


def write_task(draft: Draft, target: Path, sealed: Path) -> Task:
    """Write a whole task to the new folder `target`.

    Args:
        draft: the task.
        target: its last part is the task's name.
        sealed: the environment; its files are linked where the file system can, so that many tasks share them.

    Raises:
        OSError: names of the repository are in each other's way.
    """
    lay_out(target / "environment" / "app", dict(draft.app))
    # COPY of a folder that is not there would be refused.
    (target / "environment" / "app").mkdir(parents=True, exist_ok=True)
    shutil.copytree(sealed, target / "environment" / SEALED, copy_function=_link)
    modules = "COPY env/node_modules/ /node_modules/\n" if (sealed / "node_modules").is_dir() else ""
    image = _IMAGES.get(draft.suite.kind, "python:3-slim")
    dockerfile = f"FROM {image}\nWORKDIR /app\nCOPY env/ /env/\n{modules}COPY app/ /app/\n"
    (target / "environment" / "Dockerfile").write_text(dockerfile)
    (target / "instruction.md").write_text(draft.instruction, "utf-8")
    (target / "task.toml").write_text(_toml(draft), "utf-8")
    _write_tests(draft, target / "tests")
    _write_solution(draft, target / "solution")
    return load_task(target)


def _write_tests(draft: Draft, tests: Path) -> None:
    lay_out(tests / "hidden", {name: (content, False) for name, content in draft.suite.hidden.items()})
    wanted = {
        "commit": draft.commit.name,
        "fail_to_pass": sorted(draft.fail_to_pass),
        "pass_to_pass": sorted(draft.pass_to_pass),
        "request": draft.suite.request(),
    }
    (tests / "wanted.json").write_text(json.dumps(wanted, indent=1) + "\n")
    for name in ("gate.py", "testrun.py"):
        shutil.copy(_FILES / name, tests / name)
    for name in ("gatelib.py", "test.sh"):
        shutil.copy(BUILTIN / LIBRARIES / name, tests / name)


def _write_solution(draft: Draft, solution: Path) -> None:
    (solution / "variants").mkdir(parents=True)
    (solution / "wrong").mkdir()
    hidden: Mapping[str, bytes | None] = dict(draft.suite.hidden)
    for folder, script, files in (
        ("least", "solve.sh", draft.solution),
        ("upstream", "variants/upstream.sh", draft.upstream),
        ("tests", "wrong/only-the-tests.sh", hidden),
    ):
        if script.startswith("variants") and draft.upstream == draft.solution:
            continue
        there = {name: (content, False) for name, content in files.items() if content is not None}
        lay_out(solution / "files" / folder, there)
        gone = "".join(f"rm -f -- {_quoted(name)}\n" for name, content in sorted(files.items()) if content is None)
        copy = f'cp -rf "${{SOLUTION_DIR:-/solution}}/files/{folder}/." .\n' if there else ""
        (solution / script).write_text(f'#!/bin/bash\ncd "${{APP_DIR:-/app}}" || exit 1\n{gone}{copy}', "utf-8")
    (solution / "reference.patch").write_text(draft.patch, "utf-8", errors="surrogateescape")


def _toml(draft: Draft) -> str:
    when = datetime.fromtimestamp(draft.commit.time_s, UTC).strftime("%Y-%m-%d")
    subject = draft.commit.message.partition("\n")[0][:200]
    program = NEEDS.get(draft.suite.kind)
    needs = f"needs = {json.dumps([program])}\n" if program else ""
    # A project's tests may look at the layout of its code, or its imports may be in the one order that works.
    exact = "exact = true\n" if draft.exact else ""
    # A gate that a busy box keeps from its end would be a fault of the gate.
    gate_s = draft.suite.timeout_s + 60
    return f"""schema_version = "1.4"

[task]
name = "history/{draft.name}"
description = {json.dumps(subject)}

[metadata]
family = {json.dumps(draft.family)}
answer = "workspace"
gate = "apart"
verdict = "exit-code"
frame = false
{exact}{needs}commit = "{draft.commit.name}"
committed = "{when}"

[verifier]
timeout_sec = {gate_s:.1f}

[agent]
timeout_sec = {AGENT_S:.1f}

[environment]
network_mode = "no-network"
"""


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "'\\''") + "'"


def _link(source: str, target: str) -> str:
    # An environment has thousands of files, and the search may be over.
    check()
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)
    return target
