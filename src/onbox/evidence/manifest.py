"""`manifest-sha256.txt`: the hash of every file of a trial, in the form that `sha256sum -c` reads; and its seal.

The manifest holds all files. The *seal* is one hash over those of them that are evidence: what is computed from the
evidence (verdict, reports) is left out, so that a page can print the seal of the evidence that it was made from.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from onbox.atomic_files import write_atomic
from onbox.errors import UsageError

NAME = "manifest-sha256.txt"
VERDICT = "verdict.json"
TRANSCRIPTS = "transcripts"
"""The folder of the pages that a long report keeps its transcripts in."""
COMPUTED = frozenset({VERDICT, "report.html", "report.md", "post.md", NAME})
AT_ONCE_BYTES = 1 << 18
"""Most files of a run are shorter, and read with one call."""
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")

Problem = tuple[str, str]
"""(name of a file, what is wrong with it)"""


def write_manifest(folder: Path, found: Mapping[str, str] | None = None) -> None:
    """Write the hash of all files below `folder`, the manifest itself left out.

    Args:
        folder: of the trial.
        found: `hashes(folder)`, where they are known.

    Raises:
        UsageError: a file's name has a line end in it.
    """
    found = hashes(folder) if found is None else found
    if odd := [name for name in found if "\n" in name or "\r" in name]:
        raise UsageError(f"{folder}: {odd[0]!r}: a name that no manifest can hold", "rename the file")
    lines = [f"{found[name]}  {name}\n" for name in sorted(found, key=lambda name: name.split("/"))]
    write_atomic(folder / NAME, "".join(lines).encode("utf-8", "surrogateescape"))


def hashes(folder: Path) -> dict[str, str]:
    """sha256 by relative name, sorted; files being written (hidden, `.tmp`) and links are left out."""
    return {name: sha256_of(f"{folder}/{name}") for name in files(folder)}


def files(folder: Path) -> list[str]:
    """The relative names of all that `hashes` reads, sorted by their parts."""
    found = [name for name, entry in _walk(folder) if entry.is_file(follow_symlinks=False) and not _unfinished(entry)]
    return sorted((name for name in found if name != NAME), key=lambda name: name.split("/"))


def is_evidence(name: str) -> bool:
    """Whether a file is evidence, and not computed from it."""
    return name not in COMPUTED and not name.startswith(f"{TRANSCRIPTS}/")


def seal_of(found: Mapping[str, str]) -> str:
    """The seal of evidence: sha256 over the lines of a manifest, sorted, that are about evidence.

    Args:
        found: sha256 by relative name.
    """
    lines = sorted(f"{digest}  {name}\n" for name, digest in found.items() if is_evidence(name))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def is_sealed(folder: Path) -> bool:
    """Whether there is a manifest."""
    return (folder / NAME).is_file()


def mismatches(folder: Path, found: Mapping[str, str] | None = None) -> list[Problem]:
    """(name, what is wrong) for each file that is changed, missing or new since the manifest was written.

    Links and what is no regular file are named too: no hash holds them. So are lines of the manifest that lead out of
    the folder, or that name a file twice.

    Args:
        folder: of the trial.
        found: `hashes(folder)`, where they are known.

    Raises:
        UsageError: there is no manifest, or a line of it is none.
    """
    path = folder / NAME
    if not path.is_file():
        raise UsageError(f"{path}: missing: the trial was not finished", "go on with onbox trial --resume")
    listed: dict[str, str] = {}
    odd: list[Problem] = []
    for number, line in enumerate(_lines(path), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise UsageError(f"{path}:{number}: not a line of a manifest")
        name = match[2]
        if _leads_out(name):
            odd.append((NAME, f"line {number} names a path that leaves the folder: {name}"))
        elif name in listed:
            odd.append((NAME, f"line {number} names a file for the second time: {name}"))
        else:
            listed[name] = match[1]
    found = hashes(folder) if found is None else found
    changed = [(name, "changed") for name in listed if name in found and found[name] != listed[name]]
    missing = [(name, "missing") for name in listed if name not in found]
    new = [(name, "not in the manifest") for name in found if name not in listed]
    return sorted({*odd, *strange(folder), *changed, *missing, *new})


def strange(folder: Path) -> list[Problem]:
    """What no hash can hold: links, pipes, devices."""
    return [(name, kind) for name, entry in _walk(folder) if (kind := _strange(entry))]


def _strange(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "is a link: evidence is files alone"
    if not entry.is_dir(follow_symlinks=False) and not entry.is_file(follow_symlinks=False):
        return "is no regular file"
    return ""


def _walk(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All entries below a folder by relative name; links are not followed."""
    todo = [("", os.fspath(folder))]
    while todo:
        before, place = todo.pop()
        with os.scandir(place) as entries:
            for entry in entries:
                name = before + entry.name
                yield name, entry
                if entry.is_dir(follow_symlinks=False):
                    todo.append((f"{name}/", entry.path))


def _unfinished(entry: os.DirEntry[str]) -> bool:
    return entry.name.startswith(".") and entry.name.endswith(".tmp")


def sha256_of(path: Path | str) -> str:
    """The hash of one file."""
    with open(path, "rb", buffering=0) as file:
        digest = hashlib.sha256(file.read(AT_ONCE_BYTES))
        while more := file.read(AT_ONCE_BYTES):
            digest.update(more)
        return digest.hexdigest()


def _leads_out(name: str) -> bool:
    return name.startswith("/") or ".." in name.split("/")


def _lines(path: Path) -> list[str]:
    """Lines end with LF alone: other characters that end lines may be in names."""
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    return text.removesuffix("\n").split("\n") if text else []
