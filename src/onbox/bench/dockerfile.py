"""Read the one kind of Dockerfile that needs no Docker: FROM, WORKDIR /app and COPY."""

import posixpath
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

WORKDIR = "/app"
SEALED = "env"
"""Beside the Dockerfile: packages that the tests of a project need; it is shown to commands, and copied nowhere."""
_SEALED_COPIES = ((f"{SEALED}/", f"/{SEALED}/"), (f"{SEALED}/node_modules/", "/node_modules/"))


@dataclass(frozen=True)
class Copy:
    """One COPY line.

    Args:
        sources: paths or shell patterns, relative to the Dockerfile's folder.
        target: where they go, relative to the workspace; `.` is the workspace itself.
        into: whether the target is a folder that the sources go into, even when there is but one of them.
    """

    sources: tuple[str, ...]
    target: str
    into: bool


def read_copies(path: Path) -> tuple[Copy, ...] | None:
    """The COPY lines of a Dockerfile; None when it is not there or when only Docker could do what it says.

    The workspace is `/app`: files copied elsewhere, but for the sealed environment, any other final WORKDIR, flags,
    and instructions beyond FROM, COPY and WORKDIR need Docker.
    """
    if not path.is_file():
        return None
    workdir, copies, stages = WORKDIR, [], 0
    for line in _lines(path.read_text("utf-8", "replace")):
        try:
            word, *arguments = shlex.split(line)
        except ValueError:
            return None
        match word.upper(), arguments:
            case "FROM", [_]:
                stages += 1
            case "WORKDIR", [folder]:
                workdir = posixpath.normpath(posixpath.join(workdir, folder))
            case "COPY", [source, target] if (source, target) in _SEALED_COPIES:
                continue
            case "COPY", [first, *_, target] if not first.startswith(("-", "[", "<")):
                copy = _copy(tuple(arguments[:-1]), workdir, target)
                if copy is None:
                    return None
                copies.append(copy)
            case _:
                return None
    return tuple(copies) if stages == 1 and workdir == WORKDIR else None


def _lines(text: str) -> list[str]:
    """The instructions: comments dropped, continued lines joined."""
    kept = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\[ \t]*\n", " ", "\n".join(kept))
    return [line for line in joined.splitlines() if line.strip()]


def _copy(sources: tuple[str, ...], workdir: str, target: str) -> Copy | None:
    place = posixpath.relpath(posixpath.join(workdir, target), WORKDIR)
    if place.startswith("..") or any(".." in source.split("/") for source in sources):
        return None
    return Copy(sources, place, into=target.endswith("/") or len(sources) > 1 or place == ".")
