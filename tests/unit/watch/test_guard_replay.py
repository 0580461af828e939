"""A recording of the watch through the guard's own code: the balloon is seen in time, the healthy are left alone."""

from pathlib import Path

import pytest

from onbox.standup.keeper.guard import Alarm, Guard
from onbox.standup.keeper.guard import Sample as Look
from onbox.standup.keeper.settings import Limits
from onbox.watch.library import find_recording
from onbox.watch.recording import Recording
from onbox.watch.watcher import Tracker

GIB = 1 << 30


def replayed(name: str, limits: Limits) -> tuple[Alarm | None, int]:
    """The guard's alarm on a recording, and what was available then (or in the end)."""
    guard, tracker, available = Guard(limits), Tracker(), 0
    for sample in Recording(find_recording(Path(name))):
        tracker.take(sample)
        if sample.machine is None:
            continue
        available = sample.machine.available_bytes
        stall = sample.machine.memory_full_s
        look = Look(sample.t_ns / 1e9, available, tracker.signs.held_bytes, None, stall, tracker.phase)
        if alarm := guard.look(look):
            return alarm, available
    return None, available


def test_the_balloon_of_marlin_is_seen_before_the_reserve_is_breached() -> None:
    limits = Limits(reserve_bytes=8 * GIB, plan_bytes=70 * GIB, unified=True)
    alarm, available = replayed("incident-marlin", limits)
    assert alarm is not None
    assert alarm.kind == "projected"
    assert available > limits.reserve_bytes


@pytest.mark.parametrize("name", ["vllm-eager", "vllm-compile", "mmap-cold", "compile-cuda", "incident-silent-jit"])
def test_the_healthy_are_left_alone(name: str) -> None:
    plan = 70 * GIB if name.startswith("incident") else 6 * GIB
    alarm, _ = replayed(name, Limits(reserve_bytes=2 * GIB, plan_bytes=plan))
    assert alarm is None
