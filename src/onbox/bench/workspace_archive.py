"""What an agent left, kept so that its gate can be run again: the files that differ from the task's own, exactly.

A patch is for people; this is for `onbox regrade`. `workspace.tar.gz` holds each new or changed file under `files/`,
with its execute bit, and `removed`, the names of those that are gone. The hash of the whole workspace is in the
run's record, so that a rebuilt one can be told from another. A key that stands in it is taken out before both.
"""

import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

from onbox.atomic_files import write_atomic
from onbox.errors import UsageError
from onbox.secret_forms import without_secrets

NAME = "workspace.tar.gz"
BYTES_MAX = 16 * 2**20
"""A larger one is not kept: some tasks build things."""
REMOVED = "removed"
FILES = "files/"


def keep(before: Path, after: Path, folder: Path) -> str:
    """Write what differs between two snapshots to `folder/workspace.tar.gz`; return the hash of the second."""
    old, new = _contents(before), _contents(after)
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        _add(archive, REMOVED, json.dumps(sorted(old.keys() - new.keys())).encode(), executable=False)
        for name, (content, executable) in sorted(new.items()):
            if old.get(name) != (content, executable):
                _add(archive, FILES + name, content, executable)
    if packed.tell() <= BYTES_MAX:
        write_atomic(folder / NAME, packed.getvalue())
    return _sha256(new)


def rebuild(make: Callable[[Path], None], archive: Path, target: Path, sha256: str) -> None:
    """Make in `target` the workspace that an agent left.

    Args:
        make: makes the workspace that it was given, as `Environment.make`.
        archive: the run's `workspace.tar.gz`.
        target: a new folder.
        sha256: of the workspace, by the run's record.

    Raises:
        UsageError: it is not there, cannot be read, or what comes out is not what was graded.
        BoxError: the workspace cannot be made here.
    """
    make(target)
    try:
        with tarfile.open(archive, "r:gz") as packed:
            for member in packed.getmembers():
                held = packed.extractfile(member)
                assert held is not None
                content = held.read()
                if member.name == REMOVED:
                    for name in json.loads(content):
                        _inside(target, name).unlink(missing_ok=True)
                    continue
                place = _inside(target, member.name.removeprefix(FILES))
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
                place.chmod(0o755 if member.mode & 0o100 else 0o644)
    except FileNotFoundError:
        raise UsageError(f"{archive}: missing: the workspace was too large to keep, or is of an older onbox") from None
    except (tarfile.TarError, OSError, ValueError, AssertionError) as error:
        raise UsageError(f"{archive}: cannot be read: {error}") from error
    if _sha256(_contents(target)) != sha256:
        raise UsageError(f"{archive}: with this task's files it does not give the workspace that was graded")


def _add(archive: tarfile.TarFile, name: str, content: bytes, executable: bool) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o755 if executable else 0o644
    archive.addfile(entry, io.BytesIO(content))


def _inside(root: Path, name: str) -> Path:
    """A path of the workspace.

    Raises:
        ValueError: it would lie outside; such an archive was not written here.
    """
    place = Path(os.path.normpath(root / name))
    if not place.is_relative_to(root):
        raise ValueError(f"{name} lies outside")
    return place


def _contents(root: Path) -> dict[str, tuple[bytes, bool]]:
    """Name -> content and execute bit of every regular file, as evidence holds them: without keys."""
    found = {}
    for folder, _, names in os.walk(root):
        for path in (Path(folder, name) for name in names):
            if path.is_file() and not path.is_symlink():
                name = os.fsdecode(without_secrets(os.fsencode(path.relative_to(root))))
                found[name] = (without_secrets(path.read_bytes()), bool(path.stat().st_mode & stat.S_IXUSR))
    return found


def _sha256(contents: dict[str, tuple[bytes, bool]]) -> str:
    whole = hashlib.sha256()
    for name, (content, executable) in sorted(contents.items()):
        line = f"{name}\0{'x' if executable else '-'}\0{hashlib.sha256(content).hexdigest()}\n"
        whole.update(line.encode("utf-8", "surrogateescape"))
    return whole.hexdigest()
