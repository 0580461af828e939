"""A place in each tier, and a mark that its processes can be found by."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from onbox.bench.sandbox.choose import working
from onbox.errors import BoxError
from tests.programs.bench.sandbox.place import Place, alive


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    try:
        sandbox = working(request.param)
    except BoxError as error:
        reason = f"{error.message}: {error.next_step}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return Place(sandbox, tmp_path)


@pytest.fixture
def marker() -> Iterator[str]:
    """A number of seconds that no other process sleeps; whoever still sleeps it at the end is killed."""
    name = f"8{os.getpid()}.{time.monotonic_ns()}"
    yield name
    for pid in alive(name):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
