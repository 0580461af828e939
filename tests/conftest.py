"""What all tests share."""

import pytest

from tests.dockerd import dockerd
from tests.parts import NEEDS, require
from tests.podman import podman

__all__ = ["dockerd", "podman", "pytest_runtest_setup"]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look for the real parts that a test's markers name, before the test needs them."""
    for marker in NEEDS:
        if item.get_closest_marker(marker):
            require(marker)
