"""What all tests share."""

import gc
import importlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.dockerd import dockerd
from tests.parts import PARTS_BY_MARKER, require
from tests.podman import podman
from tests.records import ID, Recorder, leave_out
from tests.turns import ALONE, Turns

# How long one example takes says nothing where tests run side by side.
settings.register_profile("side-by-side", deadline=None)
settings.load_profile("side-by-side")

# Hypothesis looks for constants to try in the source of every module of ours. With all of onbox imported that takes
# each worker seconds, tens of them in a fresh clone, and our strategies name the values that matter. It has no setting
# for it.
with suppress(ImportError, AttributeError):
    providers: Any = importlib.import_module("hypothesis.internal.conjecture.providers")
    providers._get_local_constants = lambda none=providers._local_constants: none

__all__ = ["dockerd", "podman"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """What a second run of the tests leaves out; see tests/records.py."""
    group = parser.getgroup("records")
    group.addoption("--record", type=Path, metavar="FILE", help="write what became of each test")
    group.addoption("--except-passed", type=Path, metavar="FILE", help="leave out what passed in that record")


def pytest_configure(config: pytest.Config) -> None:
    """Record from the start: what tests need is looked for from now on."""
    if file := config.getoption("record"):
        config.pluginmanager.register(Recorder(config, file), "records")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look for the real parts that a test's markers name, before the test needs them."""
    for marker in PARTS_BY_MARKER:
        if item.get_closest_marker(marker):
            require(marker)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests that need the box to themselves last, and those that share something costly on one worker."""
    for item in items:
        item.stash[ID] = item.nodeid
        if any(item.get_closest_marker(marker) for marker in ALONE):
            item.add_marker(pytest.mark.xdist_group("alone"))
        else:
            folder = item.path.parent.name
            item.add_marker(pytest.mark.xdist_group("docker" if folder == "docker" else item.nodeid.partition("::")[0]))
    if record := config.getoption("except_passed"):
        leave_out(config, items, record)
    items.sort(key=_order)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two workers more than cores: half of what a test takes is waiting for a process, a server or a limit of time."""
    return (os.cpu_count() or 1) + 2


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Iterator[None]:
    """Of what is made while tests are collected nothing is garbage: no time is lost by looking for it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Hold pytest-xdist to the groups, and let the garbage collector leave alone what stays to the end.

    Without groups each worker starts every costly fixture. Thousands of tests and all modules are millions of objects,
    which each full collection would look through again.
    """
    gc.collect()
    gc.freeze()
    lost = [item.nodeid for item in session.items if "@" not in item.nodeid]
    if session.config.getoption("loadgroup", False) and lost:
        raise pytest.UsageError(f"pytest-xdist lost the groups of {len(lost)} tests: pip install 'pytest<9.2'")


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
