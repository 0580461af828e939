"""What a plan asks of the box before anything runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from onbox import TrialSpec, plan_trial
from onbox.evidence.records import SpeedPlan
from onbox.recipes import EMBEDDED_PAIR

ELSEWHERE = "http://127.0.0.1:9/v1"
NO_RATE: dict[str, Any] = {"speed": None, "bench": False, "kind": "see"}


@pytest.mark.parametrize(
    ("contender", "fields", "measured"),
    [
        pytest.param(ELSEWHERE, NO_RATE, False, id="a server elsewhere, and no rate"),
        pytest.param(ELSEWHERE, {**NO_RATE, "speed": SpeedPlan(), "kind": "speed"}, True, id="its rate"),
        pytest.param(EMBEDDED_PAIR[0], NO_RATE, True, id="weights of known size: the expected time rests on it"),
    ],
)
def test_memory_is_read_where_something_rests_on_its_bandwidth(
    contender: str, fields: dict[str, Any], measured: bool, tmp_path: Path
) -> None:
    folder = plan_trial(TrialSpec(contenders=(contender,), **fields), tmp_path / "out")
    box = json.loads((folder.path / "box.json").read_text())
    assert (box["bandwidth"] is not None, bool(box["bandwidths"])) == (measured, measured)
    assert (folder.plan().expected is not None) == (contender != ELSEWHERE)
