"""The watch over a stand-up: a look every second, kept in `samples.jsonl`, and an end to one that hangs."""

import time
from dataclasses import dataclass
from pathlib import Path

from onbox.atomic_files import write_json
from onbox.engines import Launch
from onbox.engines.landmarks import Landmarks
from onbox.errors import EngineError
from onbox.schema.units import seconds
from onbox.watch.classify import Assessment, WatchState, as_json
from onbox.watch.collect import Collector, Target
from onbox.watch.engine_counters import MetricsServer
from onbox.watch.logs import FileLog
from onbox.watch.machine import cache_folders
from onbox.watch.phases import KERNELS
from onbox.watch.recording import Header, Recorder
from onbox.watch.watcher import Tracker, Watcher

LOOK_S = 1.0


@dataclass
class Peaks:
    """The extremes of one phase; None where nothing was seen."""

    held_bytes: int | None = None
    available_min_bytes: int | None = None


class StartWatch:
    """Looks at an engine while it stands up, no matter how often it is asked to.

    Args:
        name: of the contender, for messages.
        pid: the engine's process, or the client of its container.
        launch: how it was started.
        url: where it will serve.
        folder: `CONTENDER/standup` in the evidence folder.
        patience_s: how long it may go without progress; None: as long as each phase may.
    """

    def __init__(self, name: str, pid: int, launch: Launch, url: str, folder: Path, patience_s: float | None) -> None:
        self._name = name
        self._folder = folder
        marks = Landmarks((mark.phase, mark.pattern) for mark in launch.log.landmarks)
        target = Target(
            pids=(pid,),
            log=FileLog(folder / "engine.log"),
            server=MetricsServer(url),
            caches=cache_folders(),
            landmarks=marks,
            makes_containers=launch.container is not None,
        )
        recorder = Recorder(folder / "samples.jsonl", Header(title=name))
        self._watcher = Watcher(Collector(target), Tracker(patience_s, marks), recorder)
        self._due = 0.0
        self._peaks = Peaks()
        self._compiled: dict[str, None] = {}

    def sample(self) -> None:
        """Look once if it is time to.

        Raises:
            EngineError: it hangs; what was seen is in `hung.json` and `samples.jsonl`.
        """
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + LOOK_S
        verdict = self._take()
        if verdict.state is WatchState.HUNG:
            write_json(self._folder / "hung.json", as_json(verdict))
            raise self._hung(verdict)

    @property
    def compiles_kernels(self) -> bool:
        """Whether compilers of kernels have been at work for some seconds."""
        return self._watcher.tracker.phase == KERNELS

    def compiled(self) -> tuple[str, ...]:
        """The source files that compilers were seen at since the last call."""
        found, self._compiled = tuple(self._compiled), {}
        return found

    def peaks(self) -> Peaks:
        """The extremes since the last call, a last look included: a phase may be shorter than a second."""
        self._take()
        found, self._peaks = self._peaks, Peaks()
        return found

    def close(self) -> None:
        """Let go of all files."""
        self._watcher.close()

    def _take(self) -> Assessment:
        verdict, sample = self._watcher.tick()
        if sample.compiling:
            self._compiled[sample.compiling] = None
        held = self._watcher.tracker.signs.held_bytes
        self._peaks.held_bytes = max(held, self._peaks.held_bytes or 0)
        if sample.machine is not None:
            available = sample.machine.available_bytes
            self._peaks.available_min_bytes = min(available, self._peaks.available_min_bytes or available)
        return verdict

    def _hung(self, verdict: Assessment) -> EngineError:
        witnesses = "; ".join(f"{each.name}: {each.detail} ({seconds(each.since_s)})" for each in verdict.witnesses)
        return EngineError(
            f"{self._name}: hung in phase {verdict.phase}: no progress for {seconds(verdict.still_s)}; {witnesses}",
            f"what was seen: {self._folder / 'hung.json'}, replayed by onbox watch --replay "
            f"{self._folder / 'samples.jsonl'}",
        )
