"""What all records have in common."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

SCHEMA_VERSION = 4
"""3: `ReplayEnd.past_parser` is `raw_route`.

2: faults and transport errors have a kind beside their text. `onbox.evidence.migrations` reads what is older."""


class Record(BaseModel):
    """Base of all records: frozen, and strict about names so that a typo is an error and not a missing value."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """As of any model; but which fields were set is one object for all records that were sent alike from another
        process: of a run it takes more memory than all the rest."""
        super().__setstate__(state)
        self.share_fields_set()

    def share_fields_set(self) -> None:
        """Let all records that were set alike hold one object that says which fields were set."""
        fields = self.__pydantic_fields_set__
        object.__setattr__(self, "__pydantic_fields_set__", _FIELD_SETS.setdefault(frozenset(fields), fields))


_FIELD_SETS: dict[frozenset[str], set[str]] = {}
"""A record is frozen, so nobody adds to them."""


NAME_BYTES_MAX = 200
"""A file system takes 255, and suffixes are added."""


def _one_folder(name: str) -> str:
    """A name that makes one folder, and nothing else, of the folder it is put in."""
    if not name or name.startswith(".") or len(name.encode("utf-8", "surrogatepass")) > NAME_BYTES_MAX:
        raise ValueError(f"no name of a folder: {name[:60]!r} is empty, begins with a dot or is too long")
    if any(character in "/\\" or not character.isprintable() for character in name):
        raise ValueError(f"no name of a folder: {name[:60]!r} holds a slash or what cannot be printed")
    return name


FolderName = Annotated[str, AfterValidator(_one_folder)]
"""A name from which a path is made: it leads into no other folder."""
Seconds = Annotated[float, Field(ge=0)]
INTEGER_MAX = 2**63 - 1
"""Of nanoseconds and counts: a longer integer is no number that could be divided."""
Count = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
Nanoseconds = Annotated[int, Field(ge=-INTEGER_MAX, le=INTEGER_MAX)]
