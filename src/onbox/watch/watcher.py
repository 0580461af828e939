"""The watch itself: samples in, verdicts out; live and replayed through the same code."""

from dataclasses import dataclass, replace

from onbox.engines.landmarks import Landmarks, failure_of, version_note
from onbox.watch.classify import Assessment, LogFailure, classify
from onbox.watch.collect import Collector
from onbox.watch.phases import KERNELS, LONGEST_PATIENCE_S, RULES, WITH_KERNELS, PhaseRule
from onbox.watch.recording import Recorder
from onbox.watch.samples import WatchSample
from onbox.watch.signs import SPIN_CPU, Signs

STACKS_FROM_SHARE = 0.3
STACKS_EVERY_SHARE = 0.3
"""Of the patience: when stacks are taken, and how far apart."""
COMPILER_EVERY_S = 5.0
HOLDS_S = 0.25
"""For so long a verdict holds, unless a phase or everything has ended since: looks may come more often than that."""


@dataclass(kw_only=True)
class PhaseSpan:
    """One phase as it was."""

    name: str
    began_s: float
    ended_s: float | None = None
    peak_bytes: int = 0
    """Resident memory of the set and what it held on devices, at most."""
    available_min_bytes: int | None = None


class Tracker:
    """Turns samples into verdicts, and keeps the laps.

    Args:
        patience_s: replaces the patience of every phase; None: each phase's own.
        landmarks: the log lines that begin phases.
        phase: the phase to begin in.
    """

    def __init__(
        self, patience_s: float | None = None, landmarks: Landmarks | None = None, phase: str = "start"
    ) -> None:
        self.signs = Signs()
        self.laps = [PhaseSpan(name=phase, began_s=0.0)]
        self._patience_s = patience_s
        self._landmarks = landmarks or Landmarks()
        self._verdict: Assessment | None = None
        self._told_phase = phase
        """By the log, the command or the server."""
        self.note = ""
        """On a version that nobody has read the log of."""
        self._failure: LogFailure | None = None
        """The first that the log told since it named the phase."""
        self._is_engine = phase not in ("start", "build")
        """The log has named a phase: what is compiled from now on are an engine's kernels."""

    @property
    def phase(self) -> str:
        """The phase under way."""
        return self.laps[-1].name

    @property
    def rule(self) -> PhaseRule:
        """The rule of the phase under way."""
        rule, patience_s = RULES[self.phase], self._patience_s
        if self.note and patience_s is None and self.phase == "start":
            patience_s = LONGEST_PATIENCE_S  # it may be in any phase
        return rule if patience_s is None else replace(rule, patience_s=patience_s)

    def take(self, sample: WatchSample) -> Assessment:
        """Take in a sample; the verdict on it, or the last one if that is fresh enough."""
        last = self._verdict
        holds = last is not None and not sample.ended and sample.t_ns / 1e9 - last.t_s < HOLDS_S
        if last is not None and holds and sample.silent:
            return last
        self.signs.take(sample)
        for line in sample.log:
            self.note = self.note or version_note(line)
        for line in sample.log:
            phase = self._landmarks.phase_of(line)
            self._is_engine = self._is_engine or phase is not None
            self._tell(phase)
            self._quote(line)
        self._tell(sample.phase)
        self._enter_kernels()
        lap = self.laps[-1]
        lap.peak_bytes = max(lap.peak_bytes, self.signs.held_bytes)
        if self.signs.machine is not None:
            available = self.signs.machine.available_bytes
            lap.available_min_bytes = min(available, lap.available_min_bytes or available)
        if last is None or not holds or last.phase != lap.name:
            last = self._verdict = classify(self.signs, self.phase, self.rule, self.note, self._failure)
        return last

    def _tell(self, phase: str | None) -> None:
        if phase is not None and self._told_phase != "serving":
            if phase != self._told_phase:
                self._failure = None
            self._told_phase = phase
            if self.phase != KERNELS or phase not in WITH_KERNELS:
                self._enter(phase, self.signs.t_s)

    def _quote(self, line: str) -> None:
        known = failure_of(line) if self._failure is None else None
        if known is not None:
            self._failure = LogFailure(round(self.signs.t_s, 1), line, known.next_step)

    def _enter_kernels(self) -> None:
        """Compilers at work are a phase of their own for as long as they are, whatever the log last said."""
        since_s = self.signs.kernels.since_s
        if self.phase == KERNELS and since_s is None:
            self._enter(self._told_phase, self.signs.t_s)
        elif since_s is not None and self._is_engine and self._told_phase in WITH_KERNELS:
            self._enter(KERNELS, max(since_s, self.laps[-1].began_s))

    def _enter(self, phase: str, now: float) -> None:
        if phase == self.phase:
            return
        self.signs.course.begin_anew()
        if now == self.laps[-1].began_s:
            self.laps[-1].name = phase
            return
        self.laps[-1].ended_s = now
        self.laps.append(PhaseSpan(name=phase, began_s=now))


class Watcher:
    """A live watch: one `tick` looks, records and judges.

    Args:
        collector: what looks.
        tracker: what judges.
        recorder: what keeps; None: nothing is kept.
    """

    def __init__(self, collector: Collector, tracker: Tracker, recorder: Recorder | None = None) -> None:
        self.collector = collector
        self.tracker = tracker
        self._recorder = recorder
        self._looked_for_compiler_s: float | None = None

    def tick(self) -> tuple[Assessment, WatchSample]:
        """Look once; the verdict, and what was seen."""
        sample = self.collector.sample()
        if self._wants_stacks(sample):
            sample.stacks = self.collector.take_stacks()
        if self._wants_ptx_compiler(sample):
            self._looked_for_compiler_s = sample.t_ns / 1e9
            sample.ptx_compiler = self.collector.ptx_compiler_loaded()
        verdict = self.tracker.take(sample)
        if self._recorder is not None:
            self._recorder.write(sample)
        return verdict, sample

    def _wants_stacks(self, sample: WatchSample) -> bool:
        """Twice before anybody may call it hung: when a part of the patience is over, and once more later."""
        signs, rule = self.tracker.signs, self.tracker.rule
        if sample.ended or signs.still_s(rule.uses) < STACKS_FROM_SHARE * rule.patience_s:
            return False
        last = signs.stacks_s
        return last is None or sample.t_ns / 1e9 - last >= STACKS_EVERY_SHARE * rule.patience_s

    def _wants_ptx_compiler(self, sample: WatchSample) -> bool:
        """While processor time alone moves, once in a while: a look reads all that a process maps."""
        signs, last = self.tracker.signs, self._looked_for_compiler_s
        if sample.ended or signs.ptx_compiler or signs.spin < SPIN_CPU:
            return False
        return last is None or sample.t_ns / 1e9 - last >= COMPILER_EVERY_S

    def close(self) -> None:
        """Let go of all files."""
        self.collector.close()
        if self._recorder is not None:
            self._recorder.close()
