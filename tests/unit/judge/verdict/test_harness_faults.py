"""A fault of onbox itself in a run is never hidden: one is warned of, from two on the trial is marked."""

from pathlib import Path

import pytest

from onbox.evidence.records import FaultKind, Role
from tests.builders import Contender, build_trial, run_record, write_run
from tests.judging import judge


@pytest.mark.parametrize(
    ("kinds", "status"), [([], None), (["harness"], "warn"), (["harness"] * 2, "fail"), (["box"] * 2, None)]
)
def test_how_often(tmp_path: Path, kinds: list[str], status: str | None) -> None:
    both = [Contender("old", Role.INCUMBENT, {"rename": "PPP"}), Contender("new", Role.CHALLENGER, {"rename": "PPP"})]
    folder = build_trial(tmp_path / "trial", both, speed=False)
    for n, kind in enumerate(kinds, 1):
        fault = {"fault": f"{kind}: KeyError: x (runner.py:1 run)", "fault_kind": FaultKind(kind), "gate": None}
        write_run(folder, run_record(contender="new", task="rename", n=n, seed=n, **fault), [])
    verdict = judge(folder)
    found = [check for check in verdict.checks if check.id == "HARNESS"]
    assert [check.status for check in found] == [status] * (status is not None)
    assert all("KeyError" in check.hint and check.observed == len(kinds) for check in found)
    assert [run.code for run in verdict.runs if run.contender == "new"].count("I-SANDBOX") == len(kinds)
