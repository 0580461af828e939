"""The start of a task of one's own: a small whole task that passes its audit, to be changed step by step."""

import shutil
from pathlib import Path

from onbox.bench.assembly import LIBRARIES, gate_files
from onbox.bench.tasks import BUILTIN, Answer, Task, load_task
from onbox.errors import UsageError

_TEMPLATES = Path(__file__).parent


def write_scaffold(target: Path, answer: Answer) -> Task:
    """Write a task to the new folder `target`.

    Args:
        target: its last part is the task's name.
        answer: whether the gate looks at the workspace or at the agent's last message.

    Raises:
        UsageError: the folder is there already, or its name is no task's.
    """
    if target.exists():
        raise UsageError(f"{target}: is there already", "give another name")
    shutil.copytree(_TEMPLATES / answer, target, ignore=shutil.ignore_patterns("__pycache__"))
    for shared in gate_files(target):
        shutil.copy(BUILTIN / LIBRARIES / shared, target / "tests" / shared)
    if (target / "environment" / "app").is_dir():
        shutil.copytree(target / "environment" / "app", target / "tests" / "original")
    toml = target / "task.toml"
    toml.write_text(toml.read_text("utf-8").replace("mine/TASK", f"mine/{target.name}"), "utf-8")
    return load_task(target)
