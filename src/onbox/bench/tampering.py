"""What no agent may touch, looked at around each run: the gate's files, a reward, a process that outlives the run."""

import os
from pathlib import Path

from onbox.bench.tasks import Task, tree_sha256

REWARDS = ("reward.txt", "reward.json")
"""Where Harbor's gates write their verdict: onbox reads neither, so only a cheat has a use for them."""


class WatchedFiles:
    """The state before a run, to compare with the state after it.

    Args:
        task: whose gate will judge.
        scratch: the folder of the run; no process of the agent may live in it afterwards.
    """

    def __init__(self, task: Task, scratch: Path) -> None:
        self._task = task
        self._scratch = scratch.resolve()
        self._gate_sha256 = tree_sha256(task.tests)

    def tampering(self, before: Path, after: Path) -> tuple[str, ...]:
        """What was touched, in words; empty when nothing was.

        Args:
            before: the workspace as the agent got it.
            after: what it left.
        """
        found = []
        if tree_sha256(self._task.tests) != self._gate_sha256:
            found.append("the gate's files are not what they were before the run")
        found += [f"the workspace holds a reward: {name}" for name in _rewards(after) - _rewards(before)]
        found += [f"a process outlived the agent: {words}" for words in _living_in(self._scratch)]
        return tuple(found)


def _rewards(workspace: Path) -> set[str]:
    return {
        str(Path(folder, name).relative_to(workspace))
        for folder, _, names in os.walk(workspace)
        for name in names
        if name in REWARDS
    }


def _living_in(folder: Path) -> list[str]:
    """The command lines of the processes whose working folder is `folder` or below it."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal() or process.name == str(os.getpid()):
            continue
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
                found.append(f"{process.name} {words[:120]}")
        except OSError:
            continue  # It has ended, or is not ours to see.
    return found
