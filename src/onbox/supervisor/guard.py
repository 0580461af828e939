"""When to stop an engine before the box starves: a pure function of what was sampled so far.

The engine is stopped on a *projected* breach: what is available, less the present fall times the horizon, would be
below the reserve. A poll that waits for the breach itself is too late where memory falls by gigabytes a second.

Three rules keep it from stopping the healthy:

- Growth of our own up to the plan is expected, however steep. Before the start the plan was seen to fit: if it does
  not fit any more, then others took what it needed.
- A fall that others cause is no reason to act ahead of time. Only when the reserve is breached and stays so, or is
  breached by half, is the engine stopped, since it is all that onbox may stop.
- Stalls of the whole box (PSI `full`) count only when little is available too.
"""

from collections import deque
from typing import NamedTuple

from onbox.supervisor.settings import MemoryLimits

MARGIN_BYTES = 64 << 20
"""Above the reserve; covers what a slow leak takes between two samples."""
WINDOWS_S = (0.12, 0.6)
"""The fall is the steepest over these: the short one sees an onset, the long one outlives a pause."""
BREACH_OF_OTHERS_S = 2.0
STALL_WINDOW_S = 2.0
STALL_SHARE = 0.5
STALL_RESERVES = 2
"""With more reserves than this available, stalls are not for want of memory that the engine took."""
REST_S, CLOSE_S = 0.1, 0.02
"""Intervals between samples: at rest, and when the reserve is near in time."""
NEAR_S = 3.0
TRACE_SAMPLES = 1200


class MemorySample(NamedTuple):
    """The box's memory at one moment."""

    t_s: float
    available_bytes: int
    own_bytes: int | None
    """What the engine's processes hold of it; None: it cannot be seen."""
    gpu_bytes: int | None = None
    """Of GPU memory, the engine's processes; None: there is no GPU, or its driver does not tell."""
    stall_s: float | None = None
    """Total time for which every task stood still for want of memory (PSI `full`); None: the kernel does not tell."""
    phase: str = ""


class Alarm(NamedTuple):
    """Why the engine must be stopped now."""

    kind: str
    """`projected`, `breached` or `stalled`."""
    ours: bool
    """Whether the engine's own growth beyond its plan is behind it."""
    fall_bytes_s: float
    to_reserve_s: float | None
    """Until the reserve would be reached at this pace; None: nothing falls."""


class Guard:
    """Takes in samples and says when to stop.

    Args:
        limits: the reserve, and what the engine is expected to take.
    """

    def __init__(self, limits: MemoryLimits) -> None:
        self.limits = limits
        self.serving = False
        """After that nothing transient is expected any more."""
        self.samples: deque[MemorySample] = deque(maxlen=TRACE_SAMPLES)
        self.lowest_bytes: int | None = None
        self._first: MemorySample | None = None
        self._short_since: float | None = None
        self._fall_bytes_s = 0.0

    def check(self, sample: MemorySample) -> Alarm | None:
        """Take in a sample; the alarm if the engine must be stopped."""
        self._first = self._first or sample
        self.samples.append(sample)
        available, reserve = sample.available_bytes, self.limits.reserve_bytes
        self.lowest_bytes = min(available, self.lowest_bytes or available)
        fall = self._fall_bytes_s = max(0.0, *[self._pace(window_s)[0] for window_s in WINDOWS_S])
        if available >= reserve:
            self._short_since = None
        elif self._short_since is None:
            self._short_since = sample.t_s
        projected, stalled = self._projected(sample, fall) < reserve, self._stalled(sample)
        if not (projected or stalled or self._short_since is not None):
            return None
        ours = self._ours()
        to_reserve = max(0, available - reserve) / fall if fall > 0 else None
        if self._breached(sample, ours):
            return Alarm("breached", ours, fall, 0.0)
        if ours and projected:
            return Alarm("projected", True, fall, to_reserve)
        if stalled:
            return Alarm("stalled", ours, fall, to_reserve)
        return None

    def interval_s(self) -> float:
        """When to look again: often when the reserve is near at the present pace."""
        if not self.samples:
            return REST_S
        fall, above = self.fall_bytes_s(), self.samples[-1].available_bytes - self.limits.reserve_bytes
        return CLOSE_S if above < fall * NEAR_S or above < MARGIN_BYTES else REST_S

    def fall_bytes_s(self) -> float:
        """How fast what is available fell at the last look; 0 when it did not."""
        return self._fall_bytes_s

    def own_bytes(self, sample: MemorySample) -> int:
        """What the engine has taken: as seen, or else all that went away since it started."""
        assert self._first is not None
        if sample.own_bytes is not None:
            return sample.own_bytes
        return max(0, self._first.available_bytes - sample.available_bytes)

    def _pace(self, window_s: float) -> tuple[float, float | None]:
        """(fall of what is available, growth of our own) in bytes a second, over a window; 0 with one sample."""
        t_s, available, own, *_ = self.samples[-1]
        for before in reversed(self.samples):
            seconds = t_s - before.t_s
            if seconds >= window_s:
                break
        seconds = seconds or 1.0
        grown = None if own is None or before.own_bytes is None else (own - before.own_bytes) / seconds
        return (before.available_bytes - available) / seconds, grown

    def _ours(self) -> bool:
        """Whether the engine is beyond its plan, and its growth at least half of the fall; one that cannot be seen is
        suspected."""
        if self._expected(self.samples[-1]):
            return False
        if self.samples[-1].own_bytes is None:
            return True
        paces = map(self._pace, WINDOWS_S)
        return any(fall > 0 and (grown or 0.0) >= fall / 2 for fall, grown in paces)

    def _expected(self, sample: MemorySample) -> bool:
        """Whether the engine holds no more than was planned, with what it may hold for a moment until it serves."""
        if self.limits.plan_bytes is None:
            return False
        transient = 0 if self.serving else self.limits.transient_bytes
        return self.own_bytes(sample) <= self.limits.plan_bytes + transient

    def _projected(self, sample: MemorySample, fall: float) -> float:
        """What would be available when a stop that is decided now has taken hold."""
        return sample.available_bytes - fall * self.limits.horizon_s - MARGIN_BYTES

    def _breached(self, sample: MemorySample, ours: bool) -> bool:
        if self._short_since is None:
            return False
        deep = sample.available_bytes < self.limits.reserve_bytes / 2
        return ours or deep or sample.t_s - self._short_since >= BREACH_OF_OTHERS_S

    def _stalled(self, sample: MemorySample) -> bool:
        """Half of the time nothing could run, for a whole window, with little available."""
        if sample.stall_s is None or sample.available_bytes >= STALL_RESERVES * self.limits.reserve_bytes:
            return False
        earlier = next((s for s in reversed(self.samples) if sample.t_s - s.t_s >= STALL_WINDOW_S), None)
        if earlier is None or earlier.stall_s is None:
            return False
        share = (sample.stall_s - earlier.stall_s) / (sample.t_s - earlier.t_s)
        return share >= STALL_SHARE
