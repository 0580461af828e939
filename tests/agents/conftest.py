"""What the tests of agents share."""

from collections.abc import Iterator

import pytest

from onbox.bench.sandbox.bubblewrap import Bubblewrap
from tests.agents.runs import Scene, scene
from tests.e2e.cli import scripted
from tests.parts import agents_path


@pytest.fixture(scope="session", autouse=True)
def programs() -> Iterator[None]:
    """The programs of the agents are on PATH."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", agents_path())
        yield


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A scripted engine that plays the part that a model's name asks for, and bubblewrap."""
    with scripted("good") as url, scene(url, Bubblewrap(), tmp_path_factory.mktemp("runs")) as made:
        yield made
