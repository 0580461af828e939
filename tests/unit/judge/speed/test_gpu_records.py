"""What two real H200s said (docs/gpu-truth.md), judged again."""

import tarfile
from pathlib import Path

import pytest

from onbox.app.judging import judge_trial
from onbox.judge.rates import BoundKind
from onbox.judge.results import Validity

RECORD = Path(__file__).parents[4] / "bench" / "records" / "h200-two-gpus-vllm-0.26.tar.xz"


@pytest.fixture(scope="module")
def two_gpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("records")
    with tarfile.open(RECORD) as archive:
        archive.extractall(folder, filter="data")
    return folder / "two-gpus"


def test_a_server_that_looks_no_prompt_up_is_not_suspect_for_it(two_gpus: Path) -> None:
    speed = judge_trial(two_gpus / "qwen1-c").contenders[0].speed
    assert speed is not None
    assert speed.status is Validity.VALID
    assert {check.id: check.status for check in speed.checks}["PREFIX_CACHE"] == "pass"
    assert speed.decode_tok_s == pytest.approx(241.844)
    assert [(cell.profile["concurrency"], cell.decode_tok_s) for cell in speed.cells] == [
        (2, 216.375), (4, 189.481), (8, 152.178), (1, 242.492),
    ]  # fmt: skip


def test_what_bounds_an_engine_on_sixteen_cores_is_not_reported_by_its_context(tmp_path: Path) -> None:
    """llama.cpp beside an idle H200, random weights: a step grows by 7 ms in 4,096 tokens of context, which is work."""
    with tarfile.open(RECORD.with_name("cpu-16-cores-why.tar.xz")) as archive:
        archive.extractall(tmp_path, filter="data")
    speed = judge_trial(tmp_path / "cpu-16-cores" / "why").contenders[0].speed
    assert speed is not None
    assert speed.status is Validity.VALID
    assert {check.id: check.observed for check in speed.checks}["GPU_CLOCK"] == "the engine has no accelerator open"
    assert speed.bound is not None
    assert speed.bound.kind is BoundKind.UNDECIDED
    assert "its slope tells nothing of memory" in speed.bound.why
    assert speed.bound.effective_gb_s is None
