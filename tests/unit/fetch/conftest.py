"""What tests of fetching share."""

from tests.unit.fetch.pinned import asked_of_pip

__all__ = ["asked_of_pip"]
