"""The ceiling of a measurement: written from the weights' headers and the box's bandwidth, judged by division."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from onbox import fit, weights
from onbox.atomic_files import write_json
from onbox.evidence.load import load_speed
from onbox.evidence.records import Ceiling, Role
from onbox.judge.results import Measurement, Validity
from onbox.judge.speed.ceiling_checks import plausibility
from onbox.judge.speed.measurement import measure
from onbox.schema.checks import Status
from onbox.speed import ceiling as act
from onbox.weights import Facts
from tests.builders import Contender, build_trial, speed_parts
from tests.unit.judge.speed.test_measurement import bad, check, without
from tests.unit.weights.checkpoints import gpt_oss, write_model

ONE_GB = Ceiling(
    source="m.gguf",
    step_bytes=1e9,
    resident="stored",
    context_tokens=0,
    measured_gb_s=30.0,
    nominal_gb_s=None,
    cache_bytes=32 << 20,
    impossible_above_gb_s=34.5,
    at_ceiling_from_gb_s=25.5,
    not_bound_below_gb_s=10.5,
)


def judged(tmp_path: Path, known: Ceiling | None, tok_s: float = 25.0, drafted: bool = False) -> Measurement:
    parts = speed_parts(tok_s)
    if drafted:
        result = '"cache_n": 4, "draft_n": 90, "draft_n_accepted": 48'
        parts.exchanges = [without(exchange, '"cache_n": 4', result) for exchange in parts.exchanges]
    folder = build_trial(tmp_path, [Contender("small", Role.INCUMBENT, {}, speed=parts)], runs=1)
    if known:
        write_json(folder.contender("small") / "fit.json", known)
    evidence = load_speed(folder, "small")
    assert evidence is not None
    return measure(evidence)


@pytest.mark.parametrize(
    ("tok_s", "verdict"), [(9.0, "not_bandwidth_bound"), (20.0, "below_ceiling"), (26.0, "at_ceiling")]
)
def test_a_possible_rate(tok_s: float, verdict: str, tmp_path: Path) -> None:
    result = judged(tmp_path, ONE_GB, tok_s)
    assert (result.status, result.implied_gb_s, result.plausibility) == (Validity.VALID, tok_s, verdict)
    assert check(result, "CEILING").observed == tok_s


def test_an_impossible_rate_is_refused(tmp_path: Path) -> None:
    result = judged(tmp_path, ONE_GB, 40.0)
    assert bad(result) == {"CEILING": Status.FAIL}
    assert (result.status, result.decode_tok_s, result.plausibility) == (Validity.INVALID, None, "impossible")
    assert "40.0 GB/s" in check(result, "CEILING").hint


def test_with_speculation_a_pass_is_what_reads(tmp_path: Path) -> None:
    result = judged(tmp_path, ONE_GB, 40.0, drafted=True)
    assert (result.acceptance_length, result.implied_gb_s, result.plausibility) == (2.0, 20.0, "below_ceiling")


def test_unknown_weights_are_not_asked_about(tmp_path: Path) -> None:
    result = judged(tmp_path, None, 4000.0)
    assert "CEILING" not in {found.id for found in result.checks}
    assert (result.implied_gb_s, result.plausibility) == (None, None)


def test_what_fits_into_the_cache_has_no_such_ceiling(tmp_path: Path) -> None:
    small = ONE_GB.model_copy(update={"step_bytes": 20e6})
    result = judged(tmp_path, small, 3000.0)
    assert check(result, "CEILING").status is Status.PASS
    assert check(result, "CEILING").observed == "the weights fit into the cache"
    assert result.plausibility is None


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    return weights.read(write_model(tmp_path_factory.mktemp("m"), *gpt_oss()))


def box(folder: Path, **bandwidth: object) -> Path:
    path = folder / "box.json"
    path.write_text(json.dumps({"bandwidth": bandwidth or None}))
    return path


class TestWritten:
    def test_the_least_that_fit_thinks_possible(self, facts: Facts, tmp_path: Path) -> None:
        path = box(tmp_path, read_gb_s=233.0, nominal_gb_s=273.0, device="gpu 0")
        act.write_ceiling(tmp_path, facts, depth_tokens=1000, box=path)
        written = Ceiling.model_validate_json((tmp_path / "fit.json").read_bytes())
        result = fit.fit(facts, context=1000, measured_gb_s=233.0, nominal_gb_s=273.0, rate_tok_s=59.5)
        assert written.step_bytes == min(scenario.step_bytes for scenario in result.scenarios) < result.step.total
        assert written.impossible_above_gb_s == 273.0
        for scenario in result.scenarios:
            bent = written.model_copy(update={"step_bytes": scenario.step_bytes})
            implied = 59.5 * scenario.step_bytes / 1e9
            assert scenario.plausibility is not None
            assert plausibility(bent, implied) == scenario.plausibility.verdict, "act and know draw the same lines"

    def test_without_a_bandwidth_there_is_no_ceiling(self, facts: Facts, tmp_path: Path) -> None:
        for path in (box(tmp_path), tmp_path / "nowhere.json"):
            act.write_ceiling(tmp_path, facts, depth_tokens=0, box=path)
        assert not (tmp_path / "fit.json").exists()

    def test_a_higher_bandwidth_seen_later_counts(
        self, facts: Facts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = box(tmp_path, read_gb_s=20.0, device="cpu")
        act.write_ceiling(tmp_path, facts, depth_tokens=0, box=path)
        for observation, kept in ((30.0, 30.0), (10.0, 30.0)):
            monkeypatch.setattr(
                act, "cpu_bandwidth", lambda observation=observation: SimpleNamespace(read_gb_s=observation)
            )
            act.measure_again(tmp_path, path)
            written = Ceiling.model_validate_json((tmp_path / "fit.json").read_bytes())
            assert written.measured_gb_s == kept
            assert written.impossible_above_gb_s == pytest.approx(1.15 * kept)

    def test_an_engine_without_a_gpu_open_is_held_against_the_processor(
        self, facts: Facts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A GPU of 4590 GB/s in the box is not what llama.cpp on its processors reads by."""
        path = tmp_path / "box.json"
        gpu = {"device": "NVIDIA H200", "read_gb_s": 4590.0, "nominal_gb_s": 4800.0, "cache_bytes": 62_914_560}
        cpu = {"device": "cpu", "read_gb_s": 79.0, "nominal_gb_s": None, "cache_bytes": 314_572_800}
        path.write_text(json.dumps({"bandwidth": gpu, "bandwidths": [gpu, cpu]}))
        monkeypatch.setattr(act, "cpu_bandwidth", lambda: SimpleNamespace(read_gb_s=70.0))
        act.write_ceiling(tmp_path, facts, depth_tokens=0, box=path)
        for opened, roof in ((None, 4590.0), (True, 4590.0), (False, 79.0)):
            act.measure_again(tmp_path, path, opened)
            written = Ceiling.model_validate_json((tmp_path / "fit.json").read_bytes())
            assert written.measured_gb_s == roof, opened
        assert (written.nominal_gb_s, written.cache_bytes, written.devices) == (None, 314_572_800, 1)
        assert written.impossible_above_gb_s == pytest.approx(1.15 * 79.0)

    def test_a_gpu_is_not_measured_again_beside_its_engine(self, facts: Facts, tmp_path: Path) -> None:
        path = box(tmp_path, read_gb_s=233.0, device="gpu 0")
        act.write_ceiling(tmp_path, facts, depth_tokens=0, box=path)
        before = (tmp_path / "fit.json").read_bytes()
        act.measure_again(tmp_path, path)
        assert (tmp_path / "fit.json").read_bytes() == before
