"""What tests of images share."""

from tests.unit.image.conftest import registry, store

__all__ = ["registry", "store"]
