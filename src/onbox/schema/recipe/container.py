"""The container that a recipe's engine runs in."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from onbox.schema.recipe.build import Build
from onbox.schema.recipe.part import RecipePart

TAG_CHARS = 12
"""Of the hash of what an image is built from."""


class Mount(RecipePart):
    """A file or folder of this box, seen inside."""

    host: str
    """Relative to the recipe; `~` is the home folder."""
    inside: Annotated[str, Field(pattern=r"^/")]
    read_only: bool = True


class Container(RecipePart):
    """The image, and what of this box is let in. Its port is mapped to loopback and nowhere else."""

    image: Annotated[str, Field(pattern=r"^[a-z0-9][A-Za-z0-9._/:-]*$")]
    """Name and tag."""
    digest: Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    """Of the manifest; empty is unpinned: the tag may mean another image tomorrow."""
    build: Build | None = None
    """What it is made from, here, when it is not there yet; `image` is then a name without tag. None: it is fetched."""
    platform: Annotated[str, Field(pattern=r"^(linux/[a-z0-9/]+)?$")] = ""
    gpus: Literal["", "all"] = ""
    """`all` lets the container use every GPU."""
    network: Literal["bridge", "host"] = "bridge"
    """`host` is for boxes whose daemon has no bridge; the engine then binds loopback itself."""
    ipc: Literal["private", "host"] = "private"
    """`host` shares /dev/shm; with `private`, `shm_bytes` says how large it is."""
    shm_bytes: Annotated[int | None, Field(ge=1)] = None
    mounts: tuple[Mount, ...] = ()
    entrypoint: str | None = None
    """Replaces the image's own; None keeps it, and then `serve.executable` decides what follows."""
    pull: Literal["never", "missing", "daemon"] = "never"
    """`missing`: onbox fetches what is not here, beside the daemon; `daemon`: the daemon does, by its own route."""

    @model_validator(mode="after")
    def _built_or_fetched(self) -> "Container":
        if self.build and (self.digest or ":" in self.image.rpartition("/")[2]):
            raise ValueError("an image that is built has neither tag nor digest: its tag is the hash of its inputs")
        return self

    @property
    def reference(self) -> str:
        """The image as docker and podman take it: a built one by its inputs, else by its digest where that is known.

        Beside a digest the tag says nothing, and podman takes not both.
        """
        if self.build:
            return f"{self.image}:{self.build.sha256[:TAG_CHARS]}"
        if not self.digest:
            return self.image
        folder, slash, name = self.image.rpartition("/")
        return f"{folder}{slash}{name.partition(':')[0]}@{self.digest}"
