"""What tests of the preflight share."""

from tests.unit.preflight.conftest import _known_picture

__all__ = ["_known_picture"]
