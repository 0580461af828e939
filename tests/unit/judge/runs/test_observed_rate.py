"""The rate that a server usually has, by the runs themselves."""

from pathlib import Path

import pytest

from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import load_speed
from onbox.judge.results import Measurement, RunResult
from onbox.judge.runs.attribution import attribute
from onbox.judge.runs.observed_rate import UsualRate, usual_rates
from onbox.judge.runs.run_context import RunContext
from onbox.judge.speed.measurement import measure
from tests.builders import speed_parts
from tests.unit.judge.runs.shapes import steady, timed_out, tok_s
from tests.verdicts import run_result


def company(beside: int, *rates: float | None) -> list[tuple[RunResult, float | None]]:
    return [(run_result("F", "small", "rename", n, beside=beside), rate) for n, rate in enumerate(rates, 1)]


class TestUsualRate:
    ALONE, AMONG_THREE = (run_result("F", "small", "rename", 1, beside=beside) for beside in (0, 2))

    def measured(self, tmp_path: Path, alone: float, three: float) -> Measurement:
        parts = speed_parts(alone)
        parts.write(tmp_path / "small" / "speed" / "1")
        evidence = load_speed(TrialFolder(tmp_path), "small", 1)
        assert evidence is not None
        cell = measure(evidence).model_copy(update={"decode_tok_s": three, "profile": {"concurrency": 3}})
        return measure(evidence).model_copy(update={"cells": (cell,)})

    def test_a_run_beside_others_is_not_held_against_the_rate_of_one_alone(self, tmp_path: Path) -> None:
        usual = usual_rates(self.measured(tmp_path, 60.0, 25.0), [], parallel=3)
        assert tok_s(usual, self.ALONE) == pytest.approx(60.0, rel=0.01)
        assert tok_s(usual, self.AMONG_THREE) == 25.0
        slow = attribute(timed_out(), [steady(14.0)], RunContext(usual=usual.of(self.ALONE)))
        fair = attribute(timed_out(), [steady(14.0)], RunContext(usual=usual.of(self.AMONG_THREE)))
        assert (slow.code, fair.code) == ("I-SLOW", "L-TIME")

    def test_of_runs_beside_others_their_own_median_goes_first(self, tmp_path: Path) -> None:
        runs = [*company(2, 12.0, None, 14.0, 13.0), *company(0, 55.0, 56.0, 57.0)]
        usual = usual_rates(self.measured(tmp_path, 60.0, 25.0), runs, parallel=3)
        assert tok_s(usual, self.AMONG_THREE) == 13.0
        assert tok_s(usual, self.ALONE) == pytest.approx(60.0, rel=0.01)

    def test_the_two_kinds_are_never_mixed(self) -> None:
        runs = [*company(2, 12.0, 13.0), *company(0, 55.0, 56.0, 57.0)]
        usual = usual_rates(None, runs, parallel=3)
        assert (usual.alone, usual.beside_others) == (UsualRate(56.0), None)

    def test_a_run_is_not_blamed_for_what_may_be_the_servers(self) -> None:
        rates = (UsualRate(28.0, 0.0), UsualRate(28.0, 0.09))
        known, vague = (attribute(timed_out(), [steady(14.5)], RunContext(usual=usual)) for usual in rates)
        assert (known.code, vague.code) == ("L-TIME", "I-SLOW")
        assert "28 ± 9 %" in vague.detail
