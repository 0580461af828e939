"""`manifest-sha256.txt`: the hash of every file of a trial, in the form that `sha256sum -c` reads."""

import hashlib
import re
from pathlib import Path

from onbox.atomic_files import write_atomic
from onbox.errors import UsageError

NAME = "manifest-sha256.txt"
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


def write_manifest(folder: Path) -> None:
    """Hash all files below `folder`, the manifest itself left out.

    Raises:
        UsageError: a file's name has a line end in it.
    """
    found = hashes(folder)
    if odd := [name for name in found if "\n" in name or "\r" in name]:
        raise UsageError(f"{folder}: {odd[0]!r}: a name that no manifest can hold", "rename the file")
    lines = [f"{digest}  {name}\n" for name, digest in found.items()]
    write_atomic(folder / NAME, "".join(lines).encode("utf-8", "surrogateescape"))


def hashes(folder: Path) -> dict[str, str]:
    """sha256 by relative name, sorted; files being written (hidden, `.tmp`) and links are left out."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        hidden = path.name.startswith(".") and path.name.endswith(".tmp")
        if path.is_file() and not path.is_symlink() and not hidden and path.name != NAME:
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def mismatches(folder: Path) -> list[tuple[str, str]]:
    """(name, what is wrong) for each file that is changed, missing or new since the manifest was written.

    Raises:
        UsageError: there is no manifest, or a line of it is none.
    """
    path = folder / NAME
    if not path.is_file():
        raise UsageError(f"{path}: missing: the trial was not finished", "go on with onbox trial --resume")
    told: dict[str, str] = {}
    for number, line in enumerate(_lines(path), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise UsageError(f"{path}:{number}: not a line of a manifest")
        told[match[2]] = match[1]
    found = hashes(folder)
    changed = [(name, "changed") for name in told if name in found and found[name] != told[name]]
    missing = [(name, "missing") for name in told if name not in found]
    new = [(name, "not in the manifest") for name in found if name not in told]
    return sorted(changed + missing + new)


def _lines(path: Path) -> list[str]:
    """Lines end with LF alone: other characters that end lines may be in names."""
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    return text.removesuffix("\n").split("\n") if text else []
