"""What an image is made from: a folder, a Dockerfile in it, and what is asked of both."""

import hashlib
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from onbox.recipes.base import RecipePart

_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)
_COPY_FROM = re.compile(r"^\s*(?:COPY|ADD)\s+(?:--\S+\s+)*--from=(\S+)", re.IGNORECASE)
_ARG = re.compile(r"^\s*ARG\s+(\w+)(?:=(\S*))?", re.IGNORECASE)
_SYNTAX = re.compile(r"^#\s*syntax\s*=\s*(\S+)", re.IGNORECASE)
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")


class Build(RecipePart):
    """How `docker build` or `podman build` makes the image, once for the same inputs."""

    context: str
    """A folder, relative to the recipe."""
    dockerfile: str = "Dockerfile"
    """Relative to the context."""
    arguments: dict[Annotated[str, Field(pattern=r"^\w+$")], str] = Field(default_factory=dict)
    """Values of the Dockerfile's ARGs."""
    target: str = ""
    """The stage to stop at; empty is the last one."""
    network: Literal["none", "default", "host"] = "none"
    """What the steps may reach."""
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Of all of this and every file of the context; set by onbox."""

    @property
    def path(self) -> Path:
        """The Dockerfile."""
        return Path(self.context) / self.dockerfile


def inputs_sha256(build: Build, platform: str) -> str:
    """The hash of all that the image follows from: the settings, and each file's name, execute bit and content.

    What a `.dockerignore` leaves out is hashed too. What a step fetches from a network is not.

    Raises:
        OSError: a file cannot be read.
    """
    settings = build.model_copy(update={"context": "", "sha256": ""}).model_dump_json()
    whole = hashlib.sha256(f"{settings}\0{platform}\n".encode())
    root = Path(build.context)
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            whole.update(f"{name}\0link\0{path.readlink()}\n".encode())
        elif path.is_file():
            executable = "x" if path.stat().st_mode & stat.S_IXUSR else "-"
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            whole.update(f"{name}\0{executable}\0{content}\n".encode())
    return whole.hexdigest()


def base_images(dockerfile: str, arguments: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The images that a Dockerfile's text starts from or copies out of, each once; one that is not told is left out.

    Args:
        dockerfile: its text.
        arguments: values of its ARGs.
    """
    values: dict[str, str] = {}
    stages: set[str] = set()
    found: dict[str, None] = {}
    for line in dockerfile.splitlines():
        named = _SYNTAX.match(line) or _COPY_FROM.match(line)
        if start := _FROM.match(line):
            name = _filled(start[1], values)
            found |= {name: None} if name not in stages else {}
            stages |= {start[2]} if start[2] else set()
        elif named and named[1] not in stages and not named[1].isdigit():
            found[_filled(named[1], values)] = None
        elif (declared := _ARG.match(line)) and not stages:
            values[declared[1]] = (arguments or {}).get(declared[1], (declared[2] or "").strip("\"'"))
    return tuple(name for name in found if name and name != "scratch" and "$" not in name)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: values.get(match[1] or match[3]) or match[2] or "", text)
