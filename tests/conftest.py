"""What all tests share."""

import pytest

from tests.parts import NEEDS, require


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look for the real parts that a test's markers name, before the test needs them."""
    for marker in NEEDS:
        if item.get_closest_marker(marker):
            require(marker)
