"""Read the one kind of Dockerfile that needs no Docker: FROM, WORKDIR, COPY, and what changes no file."""

import posixpath
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

WORKDIR = "/app"
"""Where no WORKDIR is told: what the base image says is not known without it."""
SEALED = "env"
"""Beside the Dockerfile: packages that the tests of a project need; it is shown to commands, and copied nowhere."""
_SEALED_COPIES = ((f"{SEALED}/", f"/{SEALED}/"), (f"{SEALED}/node_modules/", "/node_modules/"))
_NO_FILES = frozenset({"LABEL", "EXPOSE", "STOPSIGNAL", "MAINTAINER", "CMD"})
"""Harbor starts a container with a command of its own, so that CMD says nothing."""
_TAKEN = ("/tests", "/logs", "/solution", "/calls")
"""What a gate finds there is not the workspace."""
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/proc", "/dev", "/sys", "/.onbox", "/.proxy")
"""The box's own, where there is no image: no workspace can be made in them."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class CopyInstruction:
    """One COPY line.

    Args:
        sources: paths or shell patterns, relative to the Dockerfile's folder.
        target: where they go, relative to the workspace; `.` is the workspace itself.
        into: whether the target is a folder that the sources go into, even when there is but one of them.
    """

    sources: tuple[str, ...]
    target: str
    into: bool


@dataclass(frozen=True)
class ImageLayout:
    """What a Dockerfile makes, where copying is enough for it.

    Args:
        workdir: the folder that the workspace is found at, and that commands start in.
        copies: what goes into it.
        env: variables that commands have.
    """

    workdir: str
    copies: tuple[CopyInstruction, ...]
    env: tuple[tuple[str, str], ...] = ()


def read_layout(path: Path, workdir: str = "") -> ImageLayout | None:
    """What a Dockerfile makes by copying; None when it is not there or when only Docker could do what it says.

    The workspace is the last WORKDIR: files copied elsewhere, but for the sealed environment, flags, and instructions
    that run something or change a user need Docker, and so do a `.dockerignore` and a WORKDIR among the system's
    folders.

    Args:
        path: of the Dockerfile.
        workdir: what the task says in its place; empty where it says nothing.
    """
    if not path.is_file() or (path.parent / ".dockerignore").exists():
        return None
    here, stages = WORKDIR, 0
    copied: list[tuple[tuple[str, ...], str, bool]] = []
    env: dict[str, str] = {}
    for line in _lines(path.read_text("utf-8", "replace")):
        try:
            word, *arguments = shlex.split(line)
        except ValueError:
            return None
        match word.upper(), arguments:
            case "FROM", [_]:
                stages += 1
            case "WORKDIR", [folder] if "$" not in folder:
                here = posixpath.normpath(posixpath.join(here, folder))
            case "COPY", [source, target] if (source, target) in _SEALED_COPIES:
                pass
            case "COPY", [first, *_, target] if not first.startswith(("-", "[", "<")) and "$" not in line:
                place = posixpath.normpath(posixpath.join(here, target))
                copied.append((tuple(arguments[:-1]), place, target.endswith("/") or target == "."))
            case "ENV", [_, *_] if "$" not in line and (found := _variables(arguments, line)) is not None:
                env.update(found)
            case name, _ if name in _NO_FILES:
                pass
            case _:
                return None
    root = posixpath.normpath(workdir or here)
    if stages != 1 or not usable_workdir(root):
        return None
    copies = [_copy(sources, place, into, root) for sources, place, into in copied]
    made = tuple(copy for copy in copies if copy is not None)
    return ImageLayout(root, made, tuple(env.items())) if len(made) == len(copies) else None


def usable_workdir(folder: str) -> bool:
    """Whether the box's own system leaves room for a workspace there."""
    return folder.startswith("/") and folder != "/" and not is_taken(folder) and not _below(folder, _SYSTEM)


def is_taken(folder: str) -> bool:
    """Whether a gate expects something else there than the workspace."""
    return _below(folder, _TAKEN)


def _below(folder: str, roots: tuple[str, ...]) -> bool:
    return any(folder == root or folder.startswith(f"{root}/") for root in roots)


def _lines(text: str) -> list[str]:
    """The instructions: comments dropped, continued lines joined."""
    kept = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\[ \t]*\n", " ", "\n".join(kept))
    return [line for line in joined.splitlines() if line.strip()]


def _variables(arguments: list[str], line: str) -> dict[str, str] | None:
    """The variables of an ENV line, in either of its forms; None where it is neither."""
    if "=" in arguments[0]:
        pairs = [argument.partition("=") for argument in arguments]
        found = {name: value for name, equals, value in pairs if equals}
        return found if len(found) == len(pairs) and all(map(_VARIABLE.fullmatch, found)) else None
    name, _, value = line.split(maxsplit=1)[1].strip().partition(" ")
    return {name: value.strip()} if _VARIABLE.fullmatch(name) and value.strip() else None


def _copy(sources: tuple[str, ...], place: str, into: bool, root: str) -> CopyInstruction | None:
    target = posixpath.relpath(place, root)
    if target.split("/")[0] == ".." or any(".." in source.split("/") for source in sources):
        return None
    return CopyInstruction(sources, target, into=into or len(sources) > 1 or target == ".")
