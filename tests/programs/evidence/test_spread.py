"""Work that is spread over processes gives what one process gives."""

import json
import os
import signal
from pathlib import Path

import pytest

from onbox.app import long_trials
from onbox.app.long_trials import judge_folder
from onbox.app.parallel_work import spread
from onbox.errors import BoxError, UsageError
from onbox.evidence.folder import TrialFolder
from tests.builders import build_trial
from tests.judging import judge
from tests.recorded import NAMES, unpack


@pytest.mark.parametrize("name", NAMES)
def test_judged_run_by_run_is_judged_as_a_whole(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = TrialFolder.open(unpack(name, tmp_path))
    monkeypatch.setattr(long_trials, "RUNS_MIN", 0)
    monkeypatch.setattr(long_trials, "RUNS_A_TASK", 1)
    assert judge_folder(trial).model_dump_json() == judge(trial).model_dump_json()


def test_results_come_in_order() -> None:
    assert spread(lambda n: n * n, range(500)) == [n * n for n in range(500)]


def test_an_error_of_a_copy_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        spread(lambda n: 1 // (n - 300), range(500))


def test_a_copy_that_is_killed_is_no_silence() -> None:
    def killed(n: int) -> int:
        if n == 300:
            os.kill(os.getpid(), signal.SIGKILL)
        return n

    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one processor: there are no copies")
    with pytest.raises(BoxError, match="was killed"):
        spread(killed, range(500))


def test_a_spoilt_wire_is_named_from_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_trials, "RUNS_MIN", 0)
    monkeypatch.setattr(long_trials, "RUNS_A_TASK", 1)
    folder = build_trial(tmp_path / "trial")
    wire = folder.run_folder("small", "rename", "baseline", 2) / "wire.jsonl"
    wire.write_text(json.dumps({"id": 1}) + "\n")
    with pytest.raises(UsageError, match=r"baseline/2/wire\.jsonl: purpose"):
        judge_folder(folder)
