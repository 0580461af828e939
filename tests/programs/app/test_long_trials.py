"""The small form of `bench/long_trial.py`: what makes ten thousand runs cheap holds for a few of them."""

import sys
from pathlib import Path

import pytest

from onbox.evidence.folder import TrialFolder

sys.path.insert(0, str(Path(__file__).parents[3] / "bench"))
long_trial = pytest.importorskip("long_trial")


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> TrialFolder:
    made: TrialFolder = long_trial.make(tmp_path_factory.mktemp("long") / "trial", tasks=3, runs=4)
    return made


def test_its_cost_is_measured_with_the_processes_that_it_starts(trial: TrialFolder) -> None:
    cost = long_trial._cost([sys.executable, "-c", "print('x' * 1000)"])
    assert cost["exit_code"] == 0
    assert 0 < cost["wall_s"] < 60
