"""The task fill-json for Inspect AI, in its sandbox `local`: a folder of its own, and no isolation at all.

Runs in Inspect's own Python. The agent is the least that Inspect has: a tool `bash`, and answers until no call comes.
"""

import os
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import Score, Scorer, Target, accuracy, scorer
from inspect_ai.solver import TaskState, generate, use_tools
from inspect_ai.tool import bash
from inspect_ai.util import sandbox

FOLDER = Path(os.environ["BESIDE_TASK"])


@scorer(metrics=[accuracy()])
def gate() -> Scorer:
    """The task's own gate, by its exit code; it gets the workspace after the agent is done."""

    async def score(state: TaskState, target: Target) -> Score:
        where = (await sandbox().exec(["pwd"])).stdout.strip()
        told = {"APP_DIR": where, "TESTS_DIR": str(FOLDER / "tests"), "LOGS_DIR": f"{where}/.logs"}
        done = await sandbox().exec(["bash", str(FOLDER / "tests" / "test.sh")], env=told)
        return Score(value=1 if done.returncode == 0 else 0, explanation=done.stdout)

    return score


@task
def fill_json() -> Task:
    """One sample."""
    files = {path.name: path.read_text() for path in (FOLDER / "environment" / "app").iterdir()}
    sample = Sample(input=(FOLDER / "instruction.md").read_text(), files=files)
    return Task(dataset=[sample], solver=[use_tools(bash(timeout=60)), generate()], scorer=gate(), sandbox="local")
