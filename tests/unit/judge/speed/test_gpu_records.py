"""What two real H200s said (docs/gpu-truth.md), judged again."""

import tarfile
from pathlib import Path

import pytest

from onbox.app.judging import judge_trial
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
