"""What all records have in common."""

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 1


class Record(BaseModel):
    """Base of all records: frozen, and strict about names so that a typo is an error and not a missing value."""

    model_config = ConfigDict(extra="forbid", frozen=True)
