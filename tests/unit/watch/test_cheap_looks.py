"""What makes a look cheap must not make it poorer: newborn processes, unchanged counters, held verdicts, batches."""

import os
import threading
from pathlib import Path

import pytest

from onbox.supervisor.new_pids import NewPids, is_process
from onbox.watch.classify import WatchState
from onbox.watch.recording import Header, Recorder, WatchRecording
from onbox.watch.samples import Process, Threads, WatchSample
from onbox.watch.tail import Tail
from onbox.watch.watcher import Tracker
from tests.doubles.waiting import until


class TestNewborn:
    @pytest.mark.parametrize("numbers", [(500, 100), (0, 0)])
    def test_a_turn_of_the_numbers_and_a_silent_kernel_need_a_walk(
        self, numbers: tuple[int, int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        result = iter(numbers)
        monkeypatch.setattr(NewPids, "_last", lambda self: next(result))
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


class TestTracker:
    @staticmethod
    def sample_at(tick: int, **fields: object) -> WatchSample:
        """A tick of a tenth of a second; processes are looked at in every second one."""
        idle = Process(7, "worker", "own", "S", 0.0, 0, 1, 10_000_000, 0, 0, 0, 0)
        looked: dict[str, object] = {"processes": (idle,)} if tick % 2 == 0 else {}
        return WatchSample(t_ns=tick * 10**8, log_bytes=0, **{**looked, **fields})  # type: ignore[arg-type]

    def test_ten_looks_a_second_find_a_hang_when_one_a_second_does(self) -> None:
        threads = Threads(1, 0, 0, 5, "futex_do_wait")
        tracker = Tracker(patience_s=20.0, phase="load")
        states: dict[WatchState, float] = {}
        for tick in range(250):
            result = tracker.take(self.sample_at(tick, threads=threads if tick % 50 == 0 else None))
            states.setdefault(result.state, tick / 10)
        assert list(states) == [WatchState.PROGRESSING, WatchState.SUSPECT, WatchState.HUNG]
        assert 19.0 <= states[WatchState.HUNG] <= 20.2

    def test_a_verdict_holds_for_a_moment_but_not_past_the_end(self) -> None:
        tracker = Tracker(phase="load")
        first = tracker.take(self.sample_at(0))
        assert tracker.take(self.sample_at(1)) is first
        assert tracker.take(self.sample_at(3)) is not first
        ended = tracker.take(self.sample_at(4, ended=True, exit_code=1))
        assert ended.state is WatchState.DEAD

    def test_a_line_that_begins_a_phase_is_reported_at_once(self) -> None:
        tracker = Tracker()
        tracker.take(self.sample_at(0))
        result = tracker.take(self.sample_at(1, log=("Starting to load model m...",)))
        assert result.phase == tracker.phase == "load"

    def test_a_recording_in_which_nothing_is_looked_at_goes_on(self) -> None:
        tracker = Tracker(patience_s=20.0)
        lines = [tracker.take(WatchSample(t_ns=second * 10**9)) for second in range(10)]
        assert [each.t_s for each in lines] == [float(second) for second in range(10)]


def test_a_recording_can_be_read_within_a_second_of_looks_and_loses_none(tmp_path: Path) -> None:
    path = tmp_path / "seen.jsonl"
    samples = [TestTracker.sample_at(tick) for tick in range(25)]
    with Recorder(path, Header()) as recorder:
        for sample in samples:
            recorder.write(sample)
            assert len(list(WatchRecording(path))) > sample.t_ns // 10**8 - 10
    assert list(WatchRecording(path)) == samples


class TestTail:
    def test_only_what_is_new_is_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path, requests = tmp_path / "log", []
        real = os.pread

        def pread(file: int, count: int, at: int) -> bytes:
            data = real(file, count, at)
            requests.append(len(data))
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
        assert sum(requests) == 1001
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
