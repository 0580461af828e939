"""When the guard acts, on made-up samples: never on the healthy, always before the reserve is breached."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onbox.evidence.records import GuardLimits, GuardStopped, Holder
from onbox.launch.budget import transient_bytes
from onbox.launch.guard_advice import guard_stop
from onbox.schema.recipe import Expect, Recipe, Serve, Weights
from onbox.supervisor.guard import Alarm, Guard, MemorySample
from onbox.supervisor.memory_sampler import available_bytes, full_stall_s
from onbox.supervisor.settings import ContainerRef, MemoryLimits, Settings

GIB = 2**30
STOP_S = 0.1
"""What a stop takes in these stories, with the sample before it."""


def play(guard: Guard, samples: Iterable[MemorySample]) -> tuple[Alarm | None, MemorySample | None]:
    for sample in samples:
        if alarm := guard.check(sample):
            return alarm, sample
    return None, None


def falling(
    start: float, rate: float, until_: float, *, own: bool = True, step_s: float = 0.1
) -> Iterable[MemorySample]:
    """Available memory that falls from a second on, in GiB and GiB/s, and then stays."""
    for number in range(600):
        t = number * step_s
        taken = min(max(0.0, (t - 1.0) * rate), start - until_)
        yield MemorySample(t, round((start - taken) * GIB), round(taken * GIB) if own else 0)


@settings(deadline=None)
@given(rate=st.floats(0.1, 8.0))
def test_a_hog_is_stopped_before_the_reserve_is_breached(rate: float) -> None:
    guard = Guard(MemoryLimits(reserve_bytes=4 * GIB))
    t, available = 0.0, 44.0 * GIB
    while (alarm := guard.check(MemorySample(t, round(available), round(44 * GIB - available)))) is None:
        interval = guard.interval_s()
        t += interval
        available -= rate * GIB * interval if t > 1 else 0
    assert alarm.kind == "projected"
    assert available - rate * GIB * STOP_S > 4 * GIB


@settings(deadline=None)
@given(rate=st.floats(0.1, 20.0), plan=st.floats(0.1, 37.9))
def test_growth_up_to_a_plan_that_fits_is_never_stopped(rate: float, plan: float) -> None:
    guard = Guard(MemoryLimits(reserve_bytes=2 * GIB, plan_bytes=round(plan * GIB) + 1))
    assert play(guard, falling(40, rate, 40 - plan)) == (None, None)


def test_growth_beyond_the_plan_is_stopped() -> None:
    guard = Guard(MemoryLimits(reserve_bytes=4 * GIB, plan_bytes=20 * GIB))
    alarm, sample = play(guard, falling(40, 4.0, 0))
    assert alarm is not None
    assert sample is not None
    assert alarm.kind == "projected"
    assert sample.available_bytes > 4 * GIB


def test_what_is_held_for_a_moment_is_expected_only_until_it_serves() -> None:
    limits = MemoryLimits(reserve_bytes=4 * GIB, plan_bytes=10 * GIB, transient_bytes=25 * GIB)
    assert play(Guard(limits), falling(40, 8.0, 5.2)) == (None, None)
    serving = Guard(limits)
    serving.serving = True
    alarm, _ = play(serving, falling(40, 8.0, 5.2))
    assert alarm is not None


def test_a_fall_that_others_cause_is_no_reason_ahead_of_time() -> None:
    assert play(Guard(MemoryLimits(reserve_bytes=4 * GIB)), falling(40, 4.0, 4.1, own=False)) == (None, None)


def test_a_breach_by_others_counts_when_it_lasts() -> None:
    alarm, sample = play(Guard(MemoryLimits(reserve_bytes=4 * GIB)), falling(40, 4.0, 3.9, own=False))
    assert alarm is not None
    assert sample is not None
    assert (alarm.kind, alarm.ours) == ("breached", False)
    assert sample.t_s > 10 + 2
    dip = [MemorySample(n / 10, (3 if 20 < n < 30 else 40) * GIB, 0) for n in range(100)]
    assert play(Guard(MemoryLimits(reserve_bytes=4 * GIB)), dip) == (None, None)


def test_a_deep_breach_by_others_counts_at_once() -> None:
    alarm, sample = play(Guard(MemoryLimits(reserve_bytes=4 * GIB)), falling(40, 100.0, 1.5, own=False))
    assert alarm is not None
    assert sample is not None
    assert sample.t_s < 2


def test_an_engine_that_cannot_be_observed_is_suspected() -> None:
    hidden = [sample._replace(own_bytes=None) for sample in falling(40, 4.0, 0)]
    alarm, sample = play(Guard(MemoryLimits(reserve_bytes=4 * GIB)), hidden)
    assert alarm is not None
    assert sample is not None
    assert (alarm.kind, sample.available_bytes > 4 * GIB) == ("projected", True)


@pytest.mark.parametrize(("available", "stops"), [(6 * GIB, True), (20 * GIB, False)])
def test_stalls_count_only_when_little_is_available(available: int, stops: bool) -> None:
    stalled = [MemorySample(n / 10, available, 0, stall_s=n / 10 * 0.6) for n in range(50)]
    alarm, _ = play(Guard(MemoryLimits(reserve_bytes=4 * GIB)), stalled)
    assert (alarm is not None and alarm.kind == "stalled") == stops


def test_it_looks_more_often_when_the_reserve_is_near() -> None:
    guard = Guard(MemoryLimits(reserve_bytes=4 * GIB))
    intervals = {}
    for sample in falling(16, 1.0, 5):
        assert guard.check(sample) is None
        intervals[round(sample.available_bytes / GIB - 4)] = guard.interval_s()
    assert (intervals[6], intervals[2]) == (0.1, 0.02)
    assert guard.interval_s() == 0.1


def test_the_kernels_texts_are_read() -> None:
    meminfo = b"MemTotal:       24683368 kB\nMemFree:        10 kB\nMemAvailable:   23000000 kB\n"
    assert available_bytes(meminfo) == 23_000_000 * 1024
    pressure = (
        b"some avg10=0.00 avg60=0.00 avg300=0.00 total=12\nfull avg10=1.00 avg60=0.00 avg300=0.00 total=2500000\n"
    )
    assert full_stall_s(pressure) == 2.5
    assert full_stall_s(b"some avg10=0.00 avg60=0.00 avg300=0.00 total=12\n") is None


def test_settings_survive_the_command_line() -> None:
    result = Settings(
        log="/x/é.log",
        landmarks=(("load", "a|b"),),
        limits=MemoryLimits(1, None, 2),
        container=ContainerRef("docker", "c"),
        afterwards=(("docker", "start", "c"),),
    )
    assert Settings.from_json(result.to_json()) == result


def stopped(phase: str, *, ours: bool = True) -> GuardStopped:
    return GuardStopped(
        at="2026-11-25T00:00:00Z",
        kind="projected",
        ours=ours,
        phase=phase,
        available_bytes=7 * GIB,
        own_bytes=80 * GIB,
        gpu_bytes=None,
        fall_bytes_s=8.0 * GIB,
        to_reserve_s=0.1,
        lowest_bytes=6 * GIB,
        gone_s=0.4,
        limits=GuardLimits(reserve_bytes=6 * GIB, plan_bytes=70 * GIB, horizon_s=0.3),
        holders=(
            Holder(pid=7, command="vllm", bytes=80 * GIB, ours=True),
            Holder(pid=8, command="firefox", bytes=9 * GIB, ours=False),
        ),
        trace=(),
    )


def test_fastsafetensors_is_expected_to_hold_the_weights_twice_while_it_loads() -> None:
    def transient(**arguments: str) -> int:
        expect = Expect(loaded_bytes=61 * GIB)
        serve = Serve(arguments=dict(arguments))
        weights = Weights(path="x")
        return transient_bytes(Recipe(name="big", engine="vllm", weights=weights, serve=serve, expect=expect), None)

    assert transient(**{"load-format": "fastsafetensors"}) == 61 * GIB
    assert transient(**{"load-format": "auto"}) == transient() == 0


@pytest.mark.parametrize(
    ("engine", "phase", "change"),
    [
        ("vllm", "finalize", "moe-backend"),
        ("vllm", "capture", "enforce-eager"),
        ("vllm", "kv", "kv-cache-memory-bytes"),
        ("vllm", "load", "load-format"),
        ("vllm", "serving", "kv-cache-memory-bytes"),
        ("llama-server", "load", "cache-type-k"),
    ],
)
def test_a_stop_says_who_held_the_memory_and_what_to_change(engine: str, phase: str, change: str) -> None:
    recipe = Recipe(name="big", engine=engine, weights=Weights(path="x.gguf"))
    error = guard_stop(recipe, stopped(phase), Path("guard.json"))
    assert error.exit_code == 4
    assert error.message == (
        f"big: stopped by the guard in phase {phase}: 7.00 GiB available and falling 8.00 GiB/s, reserve 6.00 GiB; "
        "the engine held 80.00 GiB of 70.00 GiB planned"
    )
    assert change in error.next_step
    others = guard_stop(recipe, stopped(phase, ours=False), Path("guard.json"))
    assert "process 8 (firefox) holds 9.00 GiB" in others.message
    assert others.next_step.startswith("free memory")
