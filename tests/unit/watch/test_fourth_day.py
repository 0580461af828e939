"""Starts that onbox itself stood up on a real GPU: what the watch says of kernels that are compiled on the way."""

import gzip
import json
import tarfile
from pathlib import Path

import pytest

from onbox.engines.vllm.log import LOG
from onbox.launch.log_backends import backends_in
from onbox.watch.classify import Assessment, WatchState
from onbox.watch.samples import WatchSample
from onbox.watch.watcher import Tracker

RECORD = Path(__file__).parents[3] / "bench" / "records" / "h200-fourth-day.tar.xz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("record")
    with tarfile.open(RECORD) as archive:
        archive.extractall(found, filter="data")
    return found / "fourth-day"


def replayed(folder: Path, name: str) -> list[Assessment]:
    """The verdicts on one recorded start, second by second."""
    tracker = Tracker()
    with gzip.open(folder / name / "standup" / "samples.jsonl.gz", "rt") as file:
        samples = [fields for line in file if "t_ns" in (fields := json.loads(line))]
    return [tracker.take(WatchSample.from_json(fields)) for fields in samples]


def test_kernels_that_nvcc_compiles_are_a_phase_of_their_own_and_get_on_all_along(folder: Path) -> None:
    verdicts = replayed(folder, "gpt-cutlass")
    kernels = [each for each in verdicts if each.phase == "kernels"]
    assert len(kernels) > 120  # seconds
    assert {each.state for each in kernels} == {WatchState.PROGRESSING}
    assert any("nvcc" in each.why and ".cu" in each.why for each in kernels)


def test_kernels_that_the_driver_compiles_out_of_ptx_are_never_called_a_hang(folder: Path) -> None:
    # 106 s in the first captured graph and 59 s of tuning before: one thread computes, and nothing else is to be seen.
    verdicts = replayed(folder, "qwen-fa2")
    states = [each.state for each in verdicts]
    assert WatchState.HUNG not in states
    assert WatchState.DEAD not in states
    assert states.count(WatchState.SUSPECT) < 45  # of 282 s
    assert {each.phase for each in verdicts if each.state is WatchState.SUSPECT} == {"capture"}


@pytest.mark.parametrize(("name", "version"), [("qwen-fa2", "2"), ("qwen-fa3", "3"), ("gpt-triton", "3")])
def test_the_log_tells_which_flash_attention_computes(folder: Path, name: str, version: str) -> None:
    lines = (folder / name / "standup" / "engine.log").read_text().splitlines()
    backends, _ = backends_in(lines, LOG)
    named = {each.part: each.backend for each in backends}
    assert named["attention"] == "FLASH_ATTN"
    assert named["flash_attention"] == version


@pytest.mark.parametrize("name", ["qwen-fa3", "gpt-triton"])
def test_both_model_runners_tell_when_they_load(folder: Path, name: str) -> None:
    lines = (folder / name / "standup" / "engine.log").read_text().splitlines()
    marks = [mark.phase for line in lines if (mark := LOG.landmark(line))]
    assert list(dict.fromkeys(marks))[:3] == ["start", "load", "compile"]


def test_what_was_held_of_the_gpu_stands_beside_its_plan(folder: Path) -> None:
    (gpu,) = json.loads((folder / "gpt-triton" / "standup" / "phases.json").read_text())["gpus"]
    assert 0.95 < gpu["held_bytes"] / gpu["plan_bytes"] < 1.0
