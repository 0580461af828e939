"""A recording of the watch through the guard's own code: the balloon is seen in time, the healthy are left alone."""

import json
from pathlib import Path

import pytest

from onbox.launch.guard_replay import GuardReplay
from onbox.supervisor.settings import MemoryLimits
from onbox.watch.recording import WatchRecording
from onbox.watch.recording_library import find_recording
from onbox.watch.watcher import Tracker
from tests.e2e.cli import onbox_here

GIB = 1 << 30


def replayed(name: str, limits: MemoryLimits) -> GuardReplay:
    guard, tracker = GuardReplay(limits), Tracker()
    for sample in WatchRecording(find_recording(Path(name))):
        guard.take(sample, tracker.take(sample).phase)
    return guard


def test_the_balloon_of_marlin_is_noticed_before_the_reserve_is_breached() -> None:
    guard = replayed("incident-marlin", MemoryLimits(reserve_bytes=8 * GIB, plan_bytes=70 * GIB, unified=True))
    assert guard.stop is not None
    look, alarm = guard.stop
    assert (alarm.kind, alarm.ours, look.phase) == ("projected", True, "finalize")
    assert look.available_bytes > guard.limits.reserve_bytes
    assert look.own_bytes is not None
    assert look.own_bytes > 70 * GIB


def test_without_the_gpu_s_share_others_seem_to_take_it() -> None:
    """What a guard that does not know of unified memory makes of the same balloon: late, and it blames others."""
    guard = replayed("incident-marlin", MemoryLimits(reserve_bytes=8 * GIB, plan_bytes=70 * GIB))
    assert guard.stop is not None
    look, alarm = guard.stop
    assert (alarm.kind, alarm.ours) == ("breached", False)
    assert look.available_bytes < guard.limits.reserve_bytes
    assert guard.words().endswith("others took the rest")


@pytest.mark.parametrize("name", ["vllm-eager", "vllm-compile", "mmap-cold", "compile-cuda", "incident-silent-jit"])
def test_the_healthy_are_left_alone(name: str) -> None:
    plan = 70 * GIB if name.startswith("incident") else 6 * GIB
    guard = replayed(name, MemoryLimits(reserve_bytes=2 * GIB, plan_bytes=plan))
    assert guard.stop is None
    assert guard.words().startswith("would not have stopped it: ")


def test_a_reserve_that_the_healthy_would_breach_is_found_out() -> None:
    """The watchdog of the story: its reserve was more than the configuration leaves free."""
    least = replayed("vllm-eager", MemoryLimits(reserve_bytes=2 * GIB)).as_json()["available_min_bytes"]
    guard = replayed("vllm-eager", MemoryLimits(reserve_bytes=least + GIB))
    assert guard.stop is not None
    assert guard.stop.look.available_bytes < least + 2 * GIB


class TestCommand:
    ASKED = ("watch", "--replay", "incident-marlin", "--reserve", "8", "--plan", "70", "--unified")

    def test_it_is_reported_once(self) -> None:
        done = onbox_here(*self.ASKED)
        assert done.returncode == 0, done.stderr
        (message,) = [line for line in done.stdout.splitlines() if line.startswith("  guard: ")]
        assert message.startswith("  guard: would have stopped it at 45.1 s, in finalize: ")
        assert "reserve 8.00 GiB; it held " in message
        assert message.endswith(" of 70.00 GiB planned")

    def test_in_the_end_that_it_would_not_have_acted(self) -> None:
        done = onbox_here("watch", "--replay", "vllm-eager", "--reserve", "2")
        assert done.stdout.splitlines()[-1].startswith("  guard: would not have stopped it: ")

    def test_as_json_it_is_evidence(self) -> None:
        lines = [json.loads(line) for line in onbox_here(*self.ASKED, "--json").stdout.splitlines()]
        stops = [line["evidence"]["guard"]["stop"] for line in lines]
        first = next(index for index, stop in enumerate(stops) if stop)
        assert stops[:first] == [None] * first
        assert stops[first]["t"] == lines[first]["t"]
        assert all(stop == stops[first] for stop in stops[first:])

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--pid", "1", "--reserve", "2"), "--reserve: a guard is simulated only for a recording"),
            (("--replay", "vllm-eager", "--plan", "2"), "--plan and --unified: need --reserve"),
            (("--replay", "vllm-eager", "--unified"), "--plan and --unified: need --reserve"),
        ],
    )
    def test_a_mistake_is_one_line(self, arguments: tuple[str, ...], message: str) -> None:
        done = onbox_here("watch", *arguments)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr
