"""A failure that the log has told is quoted where nothing gets on, and makes no verdict of its own."""

import gzip
import json
import tarfile
from pathlib import Path

import pytest

from onbox.engines.landmarks import FAILURES, failure_of
from onbox.watch.classify import Assessment, WatchState
from onbox.watch.samples import Process, Threads, WatchSample
from onbox.watch.watcher import Tracker

RECORD = Path(__file__).parents[3] / "bench" / "records" / "h200-two-gpus-vllm-0.26.tar.xz"
FAULT = "(Worker_TP1 pid=7847) torch.AcceleratorError: CUDA error: an illegal memory access was encountered"
WORKER = Process(7, "worker", "own", "S", 0.0, 0, 1, 10_000_000, 0, 0, 0, 0)


def watch(
    lines: dict[int, str], seconds: int = 60, ended_at: int | None = None, read_bytes_s: int = 0
) -> list[Assessment]:
    """The verdicts on so many seconds of a process that sleeps, or reads, while its log says these lines."""
    tracker = Tracker(40.0, phase="load")
    return [
        tracker.take(
            WatchSample(
                t_ns=at * 10**9,
                processes=(WORKER._replace(read_bytes=at * read_bytes_s),),
                threads=Threads(3, 0, 0, 100 + at, ""),
                log=(lines[at],) if at in lines else (),
                log_bytes=at,
                ended=at == ended_at,
                exit_code=1 if at == ended_at else None,
            )
        )
        for at in range(seconds)
    ]


@pytest.mark.parametrize(
    ("line", "failure"),
    [
        (FAULT, "kernel_failed"),
        ("terminate called after throwing an instance of 'c10::AcceleratorError'", "kernel_failed"),
        ("RuntimeError: CUDA error: out of memory", "cuda_memory"),
        ("ggml_cuda_compute_forward: MUL_MAT failed, CUDA error: unspecified launch failure", "kernel_failed"),
        ("Loading safetensors checkpoint shards: 100% Completed | 15/15", None),
        ("INFO cuda errors are reported by the driver", None),
    ],
)
def test_a_line_of_failure_is_known_in_the_log_of_any_engine(line: str, failure: str | None) -> None:
    found = failure_of(line)
    assert (found.id if found else None) == failure


def test_each_quoted_failure_says_what_to_do() -> None:
    assert FAILURES
    assert all(each.next_step and each.fatal for each in FAILURES)


def test_an_engine_that_goes_on_after_the_line_is_not_accused_of_it() -> None:
    verdicts = watch({5: FAULT}, read_bytes_s=1 << 30)
    assert {each.state for each in verdicts} == {WatchState.PROGRESSING}
    assert not any("CUDA" in each.why for each in verdicts)


def test_what_stands_still_afterwards_quotes_the_first_line_and_when_it_came() -> None:
    verdicts = watch(
        {3: "loading", 5: FAULT, 6: "terminate called after throwing an instance of 'c10::AcceleratorError'"}
    )
    accused = [each for each in verdicts if each.state in (WatchState.SUSPECT, WatchState.HUNG)]
    assert {each.state for each in accused} == {WatchState.SUSPECT, WatchState.HUNG}
    assert all(each.why.endswith(f"after 5.0 s the log said: {FAULT}") for each in accused)
    assert accused[-1].evidence["failure"]["line"] == FAULT
    assert "--disable-custom-all-reduce" in accused[-1].evidence["failure"]["next_step"]
    assert "fuse_allreduce_rms" in accused[-1].evidence["failure"]["next_step"]


def test_a_death_quotes_it_too() -> None:
    last = watch({5: FAULT}, seconds=10, ended_at=9)[-1]
    assert last.state is WatchState.DEAD
    assert last.why == f"it ended, exit code 1; after 5.0 s the log said: {FAULT}"


def test_a_phase_later_it_is_forgotten() -> None:
    verdicts = watch({5: FAULT, 8: "Starting to load model gpt-oss-120b..."})
    assert verdicts[7].evidence["failure"]["line"] == FAULT
    later = watch({5: FAULT, 8: "Capturing CUDA graphs (decode, FULL):   0%|          | 0/4"})
    assert all("failure" not in each.evidence for each in later if each.phase == "capture")
    assert any(each.phase == "capture" for each in later)


def test_the_recorded_worker_that_failed_in_its_first_all_reduce_is_reported_by_its_own_words(tmp_path: Path) -> None:
    with tarfile.open(RECORD) as archive:
        archive.extract("two-gpus/tp2.jsonl.gz", tmp_path, filter="data")
    tracker = Tracker()
    verdicts = []
    with gzip.open(tmp_path / "two-gpus/tp2.jsonl.gz", "rt") as file:
        for line in file:
            fields = json.loads(line)
            if "t_ns" in fields:
                verdicts.append(tracker.take(WatchSample.from_json(fields)))
    last = verdicts[-1]
    assert last.state is WatchState.SUSPECT
    assert "CUDA error: an illegal memory access was encountered" in last.why
    assert last.evidence["failure"]["t_s"] == pytest.approx(203, abs=2)
