"""The phases of one stand-up as they pass: how long each took, and the extremes of memory in it."""

import time
from collections.abc import Callable

from onbox.evidence.records import Phase
from onbox.launch.start_watch import Peaks, StartWatch
from onbox.watch.phases import KERNELS

FILES_NAMED = 5
"""Of the files that were compiled in a phase, at most."""

OnPhase = Callable[[str, float | None], None]
"""Called with (phase, None) when a phase starts and (phase, seconds) when it ends."""


class Timeline:
    """What phases there were, and the watch that goes on meanwhile.

    Args:
        on_phase: told about phases, for live views.
    """

    def __init__(self, on_phase: OnPhase) -> None:
        self.phases: list[Phase] = []
        self._on_phase = on_phase
        self._start_watch: StartWatch | None = None

    def watch(self, start_watch: StartWatch) -> None:
        """From now on it is watched."""
        self._start_watch = start_watch

    def sample(self) -> None:
        """Look at it, if it is watched and time to.

        Raises:
            EngineError: it hangs.
        """
        if self._start_watch is not None:
            self._start_watch.sample()

    def watched(self) -> None:
        """The stand-up is over, and the watch with it: it is not to disturb what is measured."""
        if self._start_watch is not None:
            self._start_watch.close()
            self._start_watch = None

    @property
    def compiles_kernels(self) -> bool:
        """Whether the watch sees compilers at work, which is a phase that no line of a log tells."""
        return self._start_watch is not None and self._start_watch.compiles_kernels

    def begin(self, name: str) -> None:
        """A phase begins."""
        self._on_phase(name, None)

    def end(self, name: str, since: float) -> float:
        """A phase that began at the monotonic time `since` ends; now."""
        peaks = self._start_watch.peaks() if self._start_watch is not None else Peaks()
        compiled = self._start_watch.compiled() if self._start_watch is not None and name == KERNELS else ()
        now = time.monotonic()
        self.phases.append(
            Phase(
                name=name,
                seconds=round(now - since, 3),
                detail=", ".join(compiled[:FILES_NAMED]),
                peak_bytes=peaks.held_bytes,
                available_min_bytes=peaks.available_min_bytes,
            )
        )
        self._on_phase(name, now - since)
        return now

    def add(self, phase: Phase) -> None:
        """A phase that somebody else has measured."""
        self.phases.append(phase)
        self._on_phase(phase.name, phase.seconds)
