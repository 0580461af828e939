"""Makes a whole task folder of one that has its shared files elsewhere.

The builtin tasks are written without what they share: the libraries lie once, in `lib` beside them, and the workspace
once, in `environment/app`. Whoever judges or publishes a task needs it whole: Harbor reads one folder, and the hash of
a task covers all that judges it. So a task is assembled when the package is built (`hatch_build.py`), when it is loaded
(`tasks.load_task`) and by `onbox task render`.
"""

import hashlib
import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

LIBRARIES = "lib"
_GATE_LIBRARY = re.compile(r"^(?:from|import) (gatelib|replylib|tslib)\b", re.MULTILINE)


def is_part(task: Path) -> bool:
    """Whether a task's folder lacks the files that it shares, and they lie in `lib` beside it."""
    return not (task / "tests" / "test.sh").exists() and (task.parent / LIBRARIES / "test.sh").is_file()


def assembled(task: Path) -> Path:
    """The whole folder of a task: itself, or where it is a part a copy in the cache of the user, by its content.

    Raises:
        OSError: the copy cannot be written.
    """
    if not is_part(task):
        return task
    from onbox.user_folders import cache_folder  # not at the top: the build runs this file alone

    home = cache_folder() / "tasks" / _sha256(task)
    if not (home / task.name).is_dir():
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=home.parent) as scratch:
            made = Path(scratch, "made")
            assemble(task, made / task.name)
            # Another process may have been faster; its copy is the same.
            with suppress(OSError):
                made.rename(home)
    return home / task.name


def assemble(task: Path, target: Path) -> None:
    """Write the whole folder of a task that is a part to the new folder `target`."""
    shutil.copytree(task, target, ignore=_compiled)
    for place, shared in _shared(task).items():
        shutil.copy(shared, target / place)
    given = task / "environment" / "app"
    if given.is_dir():
        shutil.copytree(given, target / "tests" / "original", ignore=_compiled)


def gate_files(task: Path) -> list[str]:
    """The shared files that belong beside a task's gate: what starts it, and the libraries that it imports."""
    gate = (task / "tests" / "gate.py").read_text("utf-8")
    return [*(f"{name}.py" for name in sorted({"gatelib", *_GATE_LIBRARY.findall(gate)})), "test.sh"]


def _shared(task: Path) -> dict[str, Path]:
    """Where in the task a shared file belongs -> where it lies."""
    libraries = task.parent / LIBRARIES
    shared = {f"tests/{name}": libraries / name for name in gate_files(task)}
    if (task / "generate.py").exists():
        shared["genlib.py"] = libraries / "genlib.py"
    return shared


def _sha256(task: Path) -> str:
    """Of all that goes into the whole folder."""
    whole = hashlib.sha256()
    parts = [(path.relative_to(task).as_posix(), path) for path in task.rglob("*") if "__pycache__" not in path.parts]
    for name, path in sorted([*parts, *_shared(task).items()]):
        if path.is_file():
            executable = "x" if os.access(path, os.X_OK) else "-"
            whole.update(f"{name}\0{executable}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()[:24]


_compiled = shutil.ignore_patterns("__pycache__")
