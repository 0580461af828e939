"""What tests of the report share."""

from tests.unit.report.conftest import folder

__all__ = ["folder"]
