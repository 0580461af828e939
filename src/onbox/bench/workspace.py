"""The folder an agent works in: made fresh, copied for grading, compared.

What an agent leaves behind is untrusted: links, pipes, endless files and odd names are survived, never followed.
"""

import errno
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from onbox.bench.tasks import Task
from onbox.errors import BoxError, UsageError
from onbox.trees import walk

FILES_MAX = 20_000
BYTES_MAX = 256 * 2**20
FILE_BYTES_MAX = 32 * 2**20

MTIME_S = 1_704_067_200
"""All files of a fresh workspace are of 2024-01-01, so that no run sees other times than another."""


@dataclass(frozen=True)
class Snapshot:
    """What was copied of a workspace.

    Args:
        files: number of files copied.
        bytes: their size.
        left_out: relative names of what was not: links, pipes, devices, the unreadable, what is beyond a
            limit, folders that are too deep.
    """

    files: int
    bytes: int
    left_out: tuple[str, ...]


def make_workspace(task: Task, target: Path) -> None:
    """Make a fresh workspace in the empty or missing folder `target`, as the task's Dockerfile says.

    Raises:
        BoxError: the Dockerfile does more than copy.
        UsageError: it copies a file that is not there.
    """
    if task.layout is None:
        raise BoxError(needs_docker(task), "use a task that only copies files, or run this one with Harbor")
    target.mkdir(parents=True, exist_ok=True)
    for copy in task.layout.copies:
        for pattern in copy.sources:
            sources = sorted(task.environment.glob(pattern)) if pattern != "." else [task.environment]
            if not sources:
                raise UsageError(f"{task.environment / 'Dockerfile'}: COPY {pattern}: no such file")
            for source in sources:
                place = target / copy.target
                _copy_in(source, place / source.name if copy.into and source.is_file() else place)
    for folder, _, names in os.walk(target, topdown=False):
        for path in [Path(folder, name) for name in names] + [Path(folder)]:
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
            os.utime(path, (MTIME_S, MTIME_S))


def needs_docker(task: Task) -> str:
    """Why the workspace of a task cannot be made by copying."""
    if not (task.environment / "Dockerfile").is_file():
        return f"{task.name}: environment.docker_image is {task.image}, without a Dockerfile, and needs Docker"
    return f"{task.name}: environment/Dockerfile does more than FROM, WORKDIR and COPY, and needs Docker"


def _copy_in(source: Path, place: Path) -> None:
    """Copy like COPY does: a file to `place`, the content of a folder into `place`."""
    if source.is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)
    else:
        shutil.copytree(source, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


def snapshot(
    source: Path,
    target: Path,
    *,
    files_max: int = FILES_MAX,
    bytes_max: int = BYTES_MAX,
    file_bytes_max: int = FILE_BYTES_MAX,
) -> Snapshot:
    """Copy the regular files of a workspace, within limits, to the empty or missing folder `target`.

    Args:
        source: the workspace; nothing in it may still be running.
        target: where the copy goes.
        files_max: files beyond it are left out.
        bytes_max: a file that would take the sum beyond it is left out.
        file_bytes_max: a file that is larger is left out.
    """
    target.mkdir(parents=True, exist_ok=True)
    files, size, left_out = 0, 0, []
    for path, facts in walk(source):
        name = str(path.relative_to(source))
        limit_bytes = min(file_bytes_max, bytes_max - size)
        kept = facts is not None and stat.S_ISREG(facts.st_mode) and files < files_max
        # Not even opened where it will not be kept: 4,000 files with holes take minutes to read.
        data = _read_regular(path, limit_bytes) if kept and facts and facts.st_size <= limit_bytes else None
        if data is None:
            left_out.append(name)
            continue
        content, executable = data
        try:
            _write(target / name, content, executable)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            left_out.append(name)
            continue
        files, size = files + 1, size + len(content)
    return Snapshot(files, size, tuple(left_out))


def _write(place: Path, content: bytes, executable: bool) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    place.chmod(0o755 if executable else 0o644)


def _read_regular(path: Path, limit_bytes: int) -> tuple[bytes, bool] | None:
    """Content and execute bit of a regular file; None when it is none, is unreadable or larger than the limit."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > limit_bytes:
            return None
        content = file.read(limit_bytes + 1)
    return (content, bool(found.st_mode & stat.S_IXUSR)) if len(content) <= limit_bytes else None
