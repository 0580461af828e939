"""What an image is made from: a folder, a Dockerfile in it, and what is asked of both."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from onbox.schema.recipe.part import RecipePart


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
