"""What all tests share."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.dockerd import dockerd
from tests.parts import PARTS_BY_MARKER, require
from tests.podman import podman
from tests.turns import ALONE, Turns

# How long one example takes says nothing where tests run side by side.
settings.register_profile("side-by-side", deadline=None)
settings.load_profile("side-by-side")

__all__ = ["dockerd", "podman", "pytest_collection_modifyitems", "pytest_runtest_protocol", "pytest_runtest_setup"]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look for the real parts that a test's markers name, before the test needs them."""
    for marker in PARTS_BY_MARKER:
        if item.get_closest_marker(marker):
            require(marker)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that need the box to themselves last, and those that share something costly on one worker."""
    for item in items:
        if any(item.get_closest_marker(marker) for marker in ALONE):
            item.add_marker(pytest.mark.xdist_group("alone"))
        else:
            folder = item.path.parent.name
            item.add_marker(pytest.mark.xdist_group("docker" if folder == "docker" else item.nodeid.partition("::")[0]))
    items.sort(key=_order)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Where tests run side by side, one that needs the box to itself waits for the others, and they for it."""
    with Turns.of(item.config).taken(alone=_group(item) == "alone"):
        return (yield)


def _order(item: pytest.Item) -> int:
    return {"docker": 0, "alone": 2}.get(_group(item), 1)


def _group(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    return str(marker.args[0]) if marker else ""
