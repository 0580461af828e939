"""Turns of tests that run side by side: many at a time, or one that has the box to itself."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ALONE = ("alone", "engine", "vllm", "ray")
"""Markers of tests that measure time or take all cores and much of the memory."""


class Turns:
    """A lock of readers and a writer between the workers of one session.

    Args:
        folder: that all workers share; None where there are no workers, and nobody to wait for.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @classmethod
    def of(cls, config: pytest.Config) -> "Turns":
        """Of the session that this worker belongs to."""
        if not hasattr(config, "workerinput"):
            return cls(None)
        # What pytest gives `tmp_path_factory`: a folder for each worker, in one that pytest removes.
        return cls(Path(config._tmp_path_factory.getbasetemp()).parent)  # type: ignore[attr-defined]

    @contextmanager
    def taken(self, *, alone: bool) -> Iterator[None]:
        """Wait for a turn; it ends with the body, also when the process dies."""
        if self._folder is None:
            yield
            return
        with (self._folder / "box").open("w") as box:
            # Who waits to be alone keeps the door, so that no others go in meanwhile.
            with (self._folder / "door").open("w") as door:
                fcntl.flock(door, fcntl.LOCK_EX)
                fcntl.flock(box, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield
