"""What an image is made from: a folder, a Dockerfile in it, and what is asked of both."""

import hashlib
import json
import stat
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from onbox.recipes.base import RecipePart

LATER = ("sources", "peak_bytes_per_job")
"""Fields that came after the first recipes with a build."""


class BuildSource(RecipePart):
    """A repository that a build needs, at one commit."""

    git: Annotated[str, Field(pattern=r"^(https://|file://|ssh://)\S+$")]
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


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
    sources: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")], BuildSource] = Field(default_factory=dict)
    """Name -> a repository; onbox fetches the commit, and the build finds it as `sources/NAME` in its context."""
    peak_bytes_per_job: Annotated[int | None, Field(ge=1)] = None
    """Memory that one compile job takes at most. Where the Dockerfile has `ARG JOBS`, `onbox image build` sets it to
    what fits into memory; None: by what an earlier build took, and not at all at the first."""
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
    # Without what was not set, so that a new field changes no hash; how much memory a job takes changes no image.
    told = build.model_copy(update={"context": "", "sha256": "", "peak_bytes_per_job": None}).model_dump(mode="json")
    settings = json.dumps(
        {key: value for key, value in told.items() if key not in LATER or value}, separators=(",", ":")
    )
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
