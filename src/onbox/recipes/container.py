"""The container that a recipe's engine runs in."""

from typing import Annotated, Literal

from pydantic import Field

from onbox.recipes.base import RecipePart


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
    build: str = ""
    """The image recipe that `onbox image build` makes it from; empty for an image that is fetched."""
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
    pull: Literal["never", "missing"] = "never"
    """`missing` lets the daemon fetch an image that is not here."""

    @property
    def reference(self) -> str:
        """The image as docker and podman take it, by its digest where that is known."""
        return f"{self.image}@{self.digest}" if self.digest else self.image
