"""The rules of progress and hang, one by one, on samples written for them."""

from collections.abc import Callable
from typing import Any

from onbox.watch.classify import Assessment, WatchState, as_json
from onbox.watch.samples import (
    NO_DAEMON,
    ControlGroup,
    Gpu,
    Machine,
    OpenFile,
    Process,
    Socket,
    Threads,
    TokenCounts,
    WatchSample,
)
from onbox.watch.watcher import Tracker

PATIENCE_S = 40.0
Seen = Callable[[int], dict[str, Any]]


def process(**fields: Any) -> Process:
    idle: dict[str, Any] = {
        "pid": 7, "name": "worker", "role": "own", "state": "S", "cpu_s": 0.0, "faults": 0, "threads": 1,
        "rss_bytes": 10_000_000, "read_bytes": 0, "write_bytes": 0, "chars": 0, "calls": 0,
    }  # fmt: skip
    return Process(**{**idle, **fields})


def watch(fields_at: Seen, seconds: int = 60, phase: str = "load", patience_s: float = PATIENCE_S) -> list[Assessment]:
    """The verdicts on so many seconds, of which each is seen as told; a log is followed and stays silent."""
    tracker = Tracker(patience_s, phase=phase)
    lines = []
    for at in range(seconds):
        fields = {"processes": (process(),), "log_bytes": 0, **fields_at(at)}
        lines.append(tracker.take(WatchSample(t_ns=at * 10**9, **fields)))
    return lines


def states(verdicts: list[Assessment]) -> list[WatchState]:
    return list(dict.fromkeys(verdict.state for verdict in verdicts))


def asleep(at: int) -> Threads:
    return Threads(3, 0, 0, 100 + at, "futex_do_wait")


def test_nothing_at_all_is_hung_once_two_witnesses_waited_long_enough() -> None:
    result = watch(lambda at: {"threads": asleep(at)})
    assert states(result) == [WatchState.PROGRESSING, WatchState.SUSPECT, WatchState.HUNG]
    first = next(each for each in result if each.state is WatchState.HUNG)
    assert first.t_s == PATIENCE_S - 2
    assert {"counters", "log"} <= {each.name for each in first.witnesses}


def test_one_witness_alone_is_only_suspect() -> None:
    result = watch(lambda at: {"log_bytes": None})
    assert states(result) == [WatchState.PROGRESSING, WatchState.SUSPECT]
    assert [each.name for each in result[-1].witnesses] == ["counters"]


def test_processor_time_alone_is_no_progress() -> None:
    result = watch(lambda at: {"processes": (process(state="R", cpu_s=at * 0.98),)})
    assert states(result) == [WatchState.PROGRESSING, WatchState.SUSPECT, WatchState.HUNG]
    assert "processor and nothing else" in next(each for each in result if each.state is WatchState.SUSPECT).why


def test_processor_time_with_faults_is_progress() -> None:
    result = watch(lambda at: {"processes": (process(state="R", cpu_s=at * 0.98, faults=at * 5000),)})
    assert states(result) == [WatchState.PROGRESSING]
    assert result[-1].why == "1.0 s/s of processor that works"


def test_processor_time_with_new_processes_is_progress() -> None:
    result = watch(lambda at: {"processes": (process(state="R", cpu_s=at * 0.98),), "births": at // 2})
    assert WatchState.HUNG not in states(result)


def test_a_silent_client_with_a_busy_daemon_is_progress() -> None:
    def fields_at(at: int) -> dict[str, Any]:
        daemon = process(pid=8, name="dockerd", role="daemon", cpu_s=at * 0.3, write_bytes=at * 100_000_000)
        return {"processes": (process(name="docker"), daemon)}

    result = watch(fields_at, phase="unpack")
    assert states(result) == [WatchState.PROGRESSING]
    assert result[-1].why == "100 MB/s written"


def test_a_child_that_ends_is_counted_on_by_its_parent() -> None:
    def fields_at(at: int) -> dict[str, Any]:
        done = at // 10
        parent = process(cpu_s=done * 9.0, faults=done * 50_000)
        child = process(pid=100 + done, name="cicc", cpu_s=at % 10 * 0.9, faults=at % 10 * 5000)
        return {"processes": (parent, child), "births": done + 1}

    result = watch(fields_at)
    assert states(result) == [WatchState.PROGRESSING]
    assert 0.7 < result[-1].moving["work"] < 1.1
    assert as_json(result[-1])["evidence"]["compilers"] == ["cicc"]


def test_a_heartbeat_in_the_log_is_no_progress() -> None:
    result = watch(lambda at: {"log": (f"still waiting, {at} s",) if at % 3 == 0 else (), "log_bytes": at * 10})
    assert result[-1].state is WatchState.HUNG


def test_a_line_that_counts_up_is_progress_and_shows_when_it_is_done() -> None:
    result = watch(lambda at: {"log": (f"Capturing CUDA graphs: {at}/120",), "log_bytes": at * 10})
    assert states(result) == [WatchState.PROGRESSING]
    evidence = as_json(result[-1])["evidence"]
    assert abs(evidence["eta_s"] - 61) < 2


def test_an_open_file_shows_when_it_is_done() -> None:
    def fields_at(at: int) -> dict[str, Any]:
        return {"processes": (process(chars=at * 10**7),), "files": (OpenFile("a.tar", (at + 1) * 10**7, 10**9),)}

    evidence = as_json(watch(fields_at, phase="unpack")[-1])["evidence"]
    assert (evidence["share"], evidence["share_of"], round(evidence["eta_s"])) == (0.6, "a.tar", 40)


def test_a_trickle_is_slow_and_alive() -> None:
    result = watch(lambda at: {"sockets": (Socket(5, at * 500, 1.0),)}, phase="fetch")
    assert states(result) == [WatchState.PROGRESSING, WatchState.SLOW]
    assert "500 bytes/s" in result[-1].why


def test_a_connection_that_fell_silent_is_a_witness() -> None:
    result = watch(lambda at: {"sockets": (Socket(5, 1000, float(at)),), "log_bytes": None}, phase="fetch")
    assert result[-1].state is WatchState.HUNG
    assert {each.name for each in result[-1].witnesses} == {"counters", "network"}


def test_what_cannot_be_read_is_no_witness() -> None:
    hidden = process(name="dockerd", role="daemon", read_bytes=None, write_bytes=None, chars=None, calls=None)
    assert WatchState.HUNG not in states(watch(lambda at: {"processes": (hidden,)}))
    observation = watch(lambda at: {"processes": (hidden,), "threads": asleep(at)})
    assert observation[-1].state is WatchState.HUNG, "that all its threads sleep can be seen by anybody"


def test_a_daemon_that_is_not_on_this_box_is_never_called_hung() -> None:
    note = (NO_DAEMON,)
    result = watch(lambda at: {"threads": asleep(at), "cannot": note if at == 0 else None, "log_bytes": None})
    assert WatchState.HUNG not in states(result)
    assert as_json(result[-1])["evidence"]["cannot"] == list(note)


def test_the_same_stacks_twice_are_a_witness() -> None:
    spin = process(state="R", name="python3")

    def fields_at(at: int, stacks: str | None) -> dict[str, Any]:
        return {"processes": (spin._replace(cpu_s=at * 0.9),), "log_bytes": None, "stacks": stacks}

    same = watch(lambda at: fields_at(at, "main < f (a.py:3)" if at in (15, 30) else None))
    assert same[-1].state is WatchState.HUNG
    other = watch(lambda at: fields_at(at, f"main < f (a.py:{at})" if at in (15, 30) else None))
    assert other[-1].state is WatchState.SUSPECT


def test_a_running_request_whose_counters_are_frozen_with_idle_power_is_the_hang_of_gb10() -> None:
    def fields_at(at: int) -> dict[str, Any]:
        return {
            "tokens": TokenCounts(1, 0, min(at, 10) * 50),
            "gpus": (Gpu(0, 45.0 if at < 10 else 21.0, 2400.0, 77 << 30),),
            "processes": (process(cpu_s=at * 0.003),),
        }

    result = watch(fields_at, phase="serving", seconds=70)
    hung = next(each for each in result if each.state is WatchState.HUNG)
    assert hung.t_s == 10 + PATIENCE_S - 2
    assert {each.name for each in hung.witnesses} >= {"tokens", "gpu power"}


def test_a_server_without_requests_is_done_and_one_that_makes_tokens_progresses() -> None:
    assert watch(lambda at: {"tokens": TokenCounts(0, 0, 50)}, phase="serving")[-1].state is WatchState.DONE
    assert watch(lambda at: {"tokens": TokenCounts(1, 0, at)}, phase="serving")[-1].state is WatchState.PROGRESSING


def test_a_gpu_that_draws_power_works_and_one_that_is_only_resident_does_not() -> None:
    def draws(watts: float) -> Seen:
        return lambda at: {"gpus": (Gpu(0, 9.0 if at == 0 else watts, 2400.0, 10 << 30),)}

    assert watch(draws(47.0), phase="tune")[-1].state is WatchState.PROGRESSING
    assert watch(draws(21.0), phase="tune")[-1].state is WatchState.HUNG


def test_a_large_gpu_that_always_drew_the_same_is_not_judged_by_its_power() -> None:
    def draws(watts: float, first: float) -> Seen:
        return lambda at: {"gpus": (Gpu(0, first if at < 5 else watts, 1980.0, 10 << 30),), "log_bytes": None}

    assert "gpu power" not in {each.name for each in watch(draws(385.0, 385.0), phase="tune")[-1].witnesses}
    assert watch(draws(385.0, 70.0), phase="tune")[-1].state is WatchState.PROGRESSING
    assert "gpu power" in {each.name for each in watch(draws(121.0, 385.0), phase="tune")[-1].witnesses}


def test_a_box_without_memory_starves_whatever_still_moves() -> None:
    def fields_at(at: int) -> dict[str, Any]:
        return {
            "machine": Machine(10**9, 10**11, 0.0, 0.0, at * 0.3, 0, 0),
            "processes": (process(read_bytes=at * 10**8),),
        }

    assert watch(fields_at)[-1].state is WatchState.STARVED


def test_a_group_that_its_quota_holds_back_starves() -> None:
    def fields_at(at: int) -> dict[str, Any]:
        group = ControlGroup("abc", at * 0.01, None, None, 10**8, at * 0.9)
        return {"groups": (group,), "machine": Machine(10**10, 10**11, 0.0, 0.0, 0.0, 0, 0)}

    last = watch(fields_at)[-1]
    assert last.state is WatchState.STARVED
    assert "quota" in last.why


def test_who_was_stopped_by_a_signal_is_named() -> None:
    result = watch(lambda at: {"processes": (process(state="T"),)})
    assert result[-1].state is WatchState.STARVED
    assert "worker (7)" in result[-1].why


def test_the_end_is_reported_by_the_exit_code() -> None:
    ends = [watch(lambda at, code=code: {"ended": True, "exit_code": code}, 1)[0] for code in (0, 3, None)]  # type: ignore[misc]
    assert [each.state for each in ends] == [WatchState.DONE, WatchState.DEAD, WatchState.DEAD]
    assert "cannot be seen" in ends[2].why


def test_the_phase_follows_the_log_and_keeps_its_peak() -> None:
    lines = {3: "Starting to load model m...", 9: "Loading weights took 5 seconds", 12: "Application startup complete."}
    tracker = Tracker()
    for at in range(15):
        held = (process(rss_bytes=at * 10**9, cpu_s=float(at), faults=at * 1000),)
        log = (lines[at],) if at in lines else ()
        tracker.take(WatchSample(t_ns=at * 10**9, processes=held, log=log, log_bytes=at))
    assert [(lap.name, lap.began_s, lap.ended_s) for lap in tracker.laps] == [
        ("start", 0, 3), ("load", 3, 9), ("finalize", 9, 12), ("serving", 12, None),
    ]  # fmt: skip
    assert [lap.peak_bytes for lap in tracker.laps] == [2 * 10**9, 8 * 10**9, 11 * 10**9, 14 * 10**9]
