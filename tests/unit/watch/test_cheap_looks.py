"""What makes a look cheap must not make it poorer: newborn processes, unchanged counters, held verdicts, batches."""

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from onbox.supervisor import new_pids
from onbox.supervisor.memory_sampler import Tree
from onbox.supervisor.new_pids import NewPids, is_process
from onbox.watch.classify import WatchState
from onbox.watch.collect import Collector, Target
from onbox.watch.members import Members
from onbox.watch.procfs import Member, stat_of
from onbox.watch.recording import Header, Recorder, WatchRecording
from onbox.watch.samples import Process, Threads, WatchSample
from onbox.watch.tail import Tail
from onbox.watch.watcher import Tracker
from tests.doubles.waiting import until

SLEEPS = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]
PARENT = """
import subprocess, sys, threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
for line in sys.stdin:
    child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"])
    print(child.pid, flush=True)
"""


class Family:
    """A process with a thread, that starts a child when it is asked to."""

    def __init__(self) -> None:
        command = [sys.executable, "-I", "-S", "-c", PARENT]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, bufsize=0
        )
        self.pid = self._process.pid

    def child(self) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        return int(self._process.stdout.readline())

    def end(self) -> None:
        os.killpg(self.pid, 9)
        with self._process:
            pass


@pytest.fixture
def family() -> Iterator[Family]:
    made = Family()
    yield made
    made.end()


class TestNewborn:
    def test_a_child_is_among_the_numbers_and_once_more_in_the_next_call(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(new_pids, "MANY", 10**6)
        looks = NewPids()
        with subprocess.Popen(SLEEPS) as child:
            first, second, third = looks.numbers(), looks.numbers(), looks.numbers()
            child.kill()
        looks.close()
        assert first is not None
        assert second is not None
        assert child.pid in first
        assert child.pid in second
        assert third is not None
        assert child.pid not in third

    def test_many_numbers_are_not_worth_trying(self, monkeypatch: pytest.MonkeyPatch) -> None:
        looks = NewPids()
        monkeypatch.setattr(new_pids, "MANY", 0)
        subprocess.run(["/bin/true"], check=True)
        assert looks.numbers() is None

    @pytest.mark.parametrize("numbers", [(500, 100), (0, 0)])
    def test_a_turn_of_the_numbers_and_a_silent_kernel_need_a_walk(
        self, numbers: tuple[int, int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told = iter(numbers)
        monkeypatch.setattr(NewPids, "_last", lambda self: next(told))
        assert NewPids().numbers() is None

    def test_a_thread_is_no_process(self) -> None:
        number: list[int] = []
        over = threading.Event()

        def body() -> None:
            number.append(threading.get_native_id())
            over.wait(30)

        thread = threading.Thread(target=body)
        thread.start()
        until(lambda: number)
        assert Path(f"/proc/{number[0]}/stat").exists()
        assert not is_process(number[0])
        assert is_process(os.getpid())
        over.set()
        thread.join()
        assert not is_process(4_194_305)


class TestGrowth:
    """A child is found by its number alone: after the first look a walk would fail the test."""

    def test_of_the_watched_set(self, family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
        members = Members((family.pid,))
        monkeypatch.setattr(new_pids, "MANY", 10**6)
        monkeypatch.setattr(members, "_walk", lambda: pytest.fail("walked"))
        child = family.child()
        members.refresh()
        assert {each.pid for each in members} == {family.pid, child}
        assert members.births == 1
        members.close()

    def test_of_the_guards_tree(self, family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
        tree = Tree({family.pid})
        tree.refresh(0.0)
        assert tree.pids == {family.pid}
        monkeypatch.setattr(new_pids, "MANY", 10**6)
        monkeypatch.setattr("onbox.supervisor.memory_sampler.descendants", lambda roots: pytest.fail("walked"))
        child = family.child()
        tree.refresh(0.1)
        assert tree.pids == {family.pid, child}
        assert set(tree.holdings()) == {family.pid, child}
        os.kill(child, 9)
        assert until(lambda: set(tree.holdings()) == {family.pid})

    def test_where_the_kernel_tells_no_numbers(self, family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(NewPids, "numbers", lambda self: None)
        members, tree = Members((family.pid,)), Tree({family.pid})
        tree.refresh(0.0)
        child = family.child()
        members.refresh()
        tree.refresh(0.1)
        assert {each.pid for each in members} == tree.pids == {family.pid, child}
        members.close()


class TestMember:
    def test_one_that_works_is_read_anew_and_one_that_sleeps_is_known_by_its_text(self) -> None:
        code = "import sys; print('up', flush=True); sys.stdin.read()\nwhile True: pass"
        with subprocess.Popen([*SLEEPS[:-1], code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdout.readline()
            member = Member(child.pid, "own", fresh=True)
            until(lambda: (seen := member.read(1.0)) is not None and seen.state == "S")
            asleep = member.read(1.0)
            assert member.read(1.1) is asleep
            child.stdin.close()
            assert until(lambda: (seen := member.read(1.1)) is not None and seen.cpu_s > 0.1)
            child.kill()
        assert member.read(1.2) is None
        member.close()

    def test_what_a_sleeper_wrote_is_seen_a_second_later(self) -> None:
        """A thousand bytes now and then take less processor time than the kernel counts."""
        code = "import os, time\nwhile True: os.write(1, b'x' * 1000); time.sleep(0.05)"
        with subprocess.Popen([*SLEEPS[:-1], code], stdout=subprocess.DEVNULL) as child:
            member = Member(child.pid, "own", fresh=True)
            first = until(lambda: (seen := member.read(0.0)) is not None and seen.chars and seen)
            written = psutil.Process(child.pid).io_counters().write_chars
            until(lambda: psutil.Process(child.pid).io_counters().write_chars > written + 2000)
            later = member.read(1.0)
            child.kill()
        member.close()
        assert later is not None
        assert later.chars is not None
        assert later.chars > first.chars


class TestCollector:
    def test_sleepers_are_silent_for_a_second_at_most_and_a_silent_set_is_not_gone(self) -> None:
        clock = iter(tick / 10 for tick in range(1000))
        with subprocess.Popen(SLEEPS) as child:
            until(lambda: (stat := stat_of(child.pid)) is not None and stat.state == "S")
            collector = Collector(Target(pids=(child.pid,)), clock=lambda: next(clock))
            seen = [collector.sample() for _ in range(40)]
            child.kill()
            child.wait()
            last = collector.sample(), collector.sample(), collector.sample()
        collector.close()
        told = [sample.t_ns / 1e9 for sample in seen if sample.processes is not None]
        assert max(later - earlier for earlier, later in itertools.pairwise(told)) <= 1.01
        assert len(told) < 20
        assert not any(sample.ended for sample in seen)
        assert any(sample.ended for sample in last)

    def test_one_that_was_gone_before_the_first_look_has_ended(self) -> None:
        with subprocess.Popen(["/bin/true"]) as child:
            pass
        collector = Collector(Target(pids=(child.pid,)))
        assert collector.sample().ended
        collector.close()


class TestTracker:
    @staticmethod
    def seen(tick: int, **fields: object) -> WatchSample:
        """A tick of a tenth of a second; processes are looked at in every second one."""
        idle = Process(7, "worker", "own", "S", 0.0, 0, 1, 10_000_000, 0, 0, 0, 0)
        looked: dict[str, object] = {"processes": (idle,)} if tick % 2 == 0 else {}
        return WatchSample(t_ns=tick * 10**8, log_bytes=0, **{**looked, **fields})  # type: ignore[arg-type]

    def test_ten_looks_a_second_find_a_hang_when_one_a_second_does(self) -> None:
        threads = Threads(1, 0, 0, 5, "futex_do_wait")
        tracker = Tracker(patience_s=20.0, phase="load")
        states: dict[WatchState, float] = {}
        for tick in range(250):
            told = tracker.take(self.seen(tick, threads=threads if tick % 50 == 0 else None))
            states.setdefault(told.state, tick / 10)
        assert list(states) == [WatchState.PROGRESSING, WatchState.SUSPECT, WatchState.HUNG]
        assert 19.0 <= states[WatchState.HUNG] <= 20.2

    def test_a_verdict_holds_for_a_moment_but_not_past_the_end(self) -> None:
        tracker = Tracker(phase="load")
        first = tracker.take(self.seen(0))
        assert tracker.take(self.seen(1)) is first
        assert tracker.take(self.seen(3)) is not first
        ended = tracker.take(self.seen(4, ended=True, exit_code=1))
        assert ended.state is WatchState.DEAD

    def test_a_line_that_begins_a_phase_is_told_at_once(self) -> None:
        tracker = Tracker()
        tracker.take(self.seen(0))
        told = tracker.take(self.seen(1, log=("Starting to load model m...",)))
        assert told.phase == tracker.phase == "load"

    def test_a_recording_in_which_nothing_is_looked_at_goes_on(self) -> None:
        tracker = Tracker(patience_s=20.0)
        told = [tracker.take(WatchSample(t_ns=second * 10**9)) for second in range(10)]
        assert [each.t_s for each in told] == [float(second) for second in range(10)]


def test_a_recording_can_be_read_within_a_second_of_looks_and_loses_none(tmp_path: Path) -> None:
    path = tmp_path / "seen.jsonl"
    samples = [TestTracker.seen(tick) for tick in range(25)]
    with Recorder(path, Header()) as recorder:
        for sample in samples:
            recorder.write(sample)
            assert len(list(WatchRecording(path))) > sample.t_ns // 10**8 - 10
    assert list(WatchRecording(path)) == samples


class TestTail:
    def test_only_what_is_new_is_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path, asked = tmp_path / "log", []
        real = os.pread

        def pread(file: int, count: int, at: int) -> bytes:
            data = real(file, count, at)
            asked.append(len(data))
            return data

        monkeypatch.setattr("onbox.watch.tail.os.pread", pread)
        tail = Tail(path)
        assert tail.read() == (b"", False)
        path.write_bytes(b"a" * 1000)
        assert tail.read() == (b"a" * 1000, False)
        assert tail.read() == (b"", False)
        with path.open("ab") as file:
            file.write(b"b")
        assert tail.read() == (b"b", False)
        assert sum(asked) == 1001
        tail.close()

    def test_a_file_that_is_cut_starts_anew(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_bytes(b"long enough")
        tail = Tail(path)
        tail.read()
        path.write_bytes(b"anew")
        assert tail.read() == (b"anew", True)
        path.write_bytes(b"")
        assert tail.read() == (b"", True)
        assert tail.read() == (b"", False)
        tail.close()

    def test_a_file_that_another_replaces_is_read_to_its_end_first(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("onbox.watch.tail.SAME_FILE_S", 0.0)
        path = tmp_path / "log"
        path.write_bytes(b"one ")
        tail = Tail(path)
        assert tail.read() == (b"one ", False)
        with path.open("ab") as file:
            file.write(b"two")
        path.rename(tmp_path / "log.1")
        assert tail.read() == (b"two", False), "moved away, and nothing at its place yet"
        path.write_bytes(b"another file, longer than the first")
        assert tail.read() == (b"another file, longer than the first", True)
        tail.close()

    def test_what_was_there_before_can_be_left_out(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_bytes(b"old\n")
        tail = Tail(path, from_end=True)
        with path.open("ab") as file:
            file.write(b"new\n")
        assert tail.read() == (b"new\n", False)
        tail.close()
