"""The three models of the story on a Spark: nominal 273 GB/s, 233 as an owner measured (antirez/ds4#773)."""

from pathlib import Path
from typing import Any

import pytest

from onbox import fit, weights
from onbox.errors import UsageError
from onbox.weights import Facts
from tests.unit.weights.checkpoints import dense, gpt_oss, nemotron, qwen36, write_model

SPARK: dict[str, Any] = {"nominal_gb_s": 273.0, "measured_gb_s": 233.0}
RECIPE = "moe=mxfp4,qkv=mxfp4,o=mxfp4,lm_head=mxfp4"


@pytest.fixture(scope="module")
def gpt_oss_120b(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    return weights.read(write_model(tmp_path_factory.mktemp("m"), *gpt_oss(), shards=15))


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    return weights.read(write_model(tmp_path_factory.mktemp("m"), *qwen36()))


def spark(facts: Facts, resident: str = "", **more: Any) -> fit.Fit:
    overrides = fit.parse_overrides(resident) if resident else None
    return fit.fit(facts, overrides=overrides, **SPARK, **more)


@pytest.mark.parametrize(
    ("resident", "gb", "nominal", "measured"),
    [
        ("", 5.002, 54.6, 46.6),
        ("lm_head=mxfp4", 4.152, 65.8, 56.1),
        ("attention=mxfp4", 3.599, 75.9, 64.7),
        ("attention=q8_0,lm_head=q8_0", 3.563, 76.6, 65.4),
        ("attention=fp8,lm_head=fp8", 3.467, 78.7, 67.2),
        (RECIPE, 2.748, 99.3, 84.8),
    ],
)
def test_gpt_oss_120b_by_resident_precision(
    gpt_oss_120b: Facts, resident: str, gb: float, nominal: float, measured: float
) -> None:
    result = spark(gpt_oss_120b, resident)
    assert result.chosen.bytes_per_token / 1e9 == pytest.approx(gb, abs=0.0015)
    assert result.chosen.ceiling_nominal_tok_s == pytest.approx(nominal, abs=0.06)
    assert result.chosen.ceiling_measured_tok_s == pytest.approx(measured, abs=0.06)


@pytest.mark.parametrize(
    ("context", "kv", "gb", "nominal", "measured"),
    [
        (512, "bf16", 2.772, 98.5, 84.1),
        (4096, "bf16", 2.904, 94.0, 80.2),
        (32768, "bf16", 3.961, 68.9, 58.8),
        (100000, "bf16", 6.440, 42.4, 36.2),
        (4096, "fp8", 2.826, 96.6, 82.4),
        (100000, "fp8", 4.594, 59.4, 50.7),
    ],
)
def test_gpt_oss_120b_over_context(
    gpt_oss_120b: Facts, context: int, kv: str, gb: float, nominal: float, measured: float
) -> None:
    result = spark(gpt_oss_120b, RECIPE, context=context, kv_dtype=kv)
    assert result.chosen.bytes_per_token / 1e9 == pytest.approx(gb, abs=0.0015)
    assert result.chosen.ceiling_nominal_tok_s == pytest.approx(nominal, abs=0.06)
    assert result.chosen.ceiling_measured_tok_s == pytest.approx(measured, abs=0.06)


@pytest.mark.parametrize(
    ("batch", "gb", "total"),
    [(1, 2.75, 99.3), (2, 4.59, 118.8), (4, 8.12, 134.5), (8, 14.52, 150.4), (16, 25.13, 173.8)],
)
def test_gpt_oss_120b_in_batches(gpt_oss_120b: Facts, batch: int, gb: float, total: float) -> None:
    result = spark(gpt_oss_120b, RECIPE, batch=batch)
    assert result.step.total / 1e9 == pytest.approx(gb, abs=0.01)
    assert result.chosen.ceiling_nominal_tok_s == pytest.approx(total, abs=0.2)


@pytest.mark.parametrize(
    ("rate", "stored", "recipe"),
    [
        (59.5, "impossible", "below_ceiling"),
        (58.82, "impossible", "below_ceiling"),
        (60.47, "impossible", "below_ceiling"),
        (110.0, "impossible", "impossible"),
        (26.0, "below_ceiling", "not_bandwidth_bound"),
    ],
)
def test_the_claims_of_the_story(gpt_oss_120b: Facts, rate: float, stored: str, recipe: str) -> None:
    assert verdict(spark(gpt_oss_120b, rate_tok_s=rate)) == stored
    assert verdict(spark(gpt_oss_120b, RECIPE, rate_tok_s=rate)) == recipe


def verdict(report: fit.Fit) -> str:
    assert report.chosen.plausibility is not None
    return report.chosen.plausibility.verdict


def test_the_speed_of_light_is_109_percent_or_60_percent(gpt_oss_120b: Facts) -> None:
    stored = spark(gpt_oss_120b, rate_tok_s=59.5).chosen.plausibility
    recipe = spark(gpt_oss_120b, RECIPE, rate_tok_s=59.5).chosen.plausibility
    assert stored is not None
    assert recipe is not None
    assert stored.share_of_nominal == pytest.approx(1.09, abs=0.005)
    assert recipe.share_of_nominal == pytest.approx(0.60, abs=0.005)
    assert recipe.share_of_measured == pytest.approx(0.70, abs=0.005)
    assert recipe.implied_gb_s == pytest.approx(163.5, abs=0.1)


def test_without_a_stated_precision_the_ceiling_is_an_interval(gpt_oss_120b: Facts) -> None:
    result = spark(gpt_oss_120b, rate_tok_s=59.5)
    assert result.interval_tok_s == pytest.approx((46.6, 84.8), abs=0.06)
    assert result.ceiling_tok_s == pytest.approx(46.6, abs=0.06)
    assert any("--resident" in note for note in result.notes)
    exact = spark(gpt_oss_120b, RECIPE)
    assert exact.interval_tok_s == (exact.ceiling_tok_s, exact.ceiling_tok_s)


@pytest.mark.parametrize(
    ("resident", "gb"),
    [
        ("", 5.89),
        ("moe=nvfp4", 4.446),
        ("all=fp8,lm_head=bf16", 3.477),
        ("all=fp8", 2.968),
        ("all=nvfp4,lm_head=bf16", 2.420),
        ("all=int4-g128,lm_head=bf16", 2.307),
    ],
)
def test_qwen36_by_resident_precision(qwen: Facts, resident: str, gb: float) -> None:
    result = spark(qwen, resident)
    assert (result.step.experts + result.step.dense) / 1e9 == pytest.approx(gb, abs=0.004)
    assert result.step.state / 1e9 == pytest.approx(0.126, abs=0.004)


def test_a_single_stream_of_239_with_two_drafts_is_impossible_in_fp8(qwen: Facts) -> None:
    result = spark(qwen, "all=fp8,lm_head=bf16", acceptance=3.0, rate_tok_s=239.0)
    assert verdict(result) == "impossible"


def test_69_tokens_with_speculation_are_far_below_the_ceiling(qwen: Facts) -> None:
    result = spark(qwen, "all=int4-g128,lm_head=bf16", acceptance=2.5, rate_tok_s=69.2)
    assert verdict(result) == "not_bandwidth_bound"


def test_nemotron_16_3_is_two_thirds_of_nominal(tmp_path: Path) -> None:
    facts = weights.read(write_model(tmp_path, *nemotron(quantised=True)))
    result = spark(facts, "moe=nvfp4", rate_tok_s=16.3)
    assert result.chosen.bytes_per_token / 1e9 == pytest.approx(11.09, abs=0.02)
    assert result.chosen.ceiling_nominal_tok_s == pytest.approx(24.6, abs=0.1)
    assert result.chosen.plausibility is not None
    assert result.chosen.plausibility.share_of_nominal == pytest.approx(0.66, abs=0.01)


def test_sequences_that_agree_on_their_experts_are_not_called_impossible(gpt_oss_120b: Facts) -> None:
    result = spark(gpt_oss_120b, RECIPE, batch=4, rate_tok_s=200.0)
    assert result.chosen.ceiling_nominal_tok_s is not None
    assert result.chosen.ceiling_nominal_tok_s < 200
    assert verdict(result) != "impossible"
    assert verdict(spark(gpt_oss_120b, RECIPE, batch=4, rate_tok_s=400.0)) == "impossible"


# ------------------------------------------------------------ memory


def test_gpt_oss_120b_fits_a_spark_and_marlin_may_not(gpt_oss_120b: Facts) -> None:
    place = fit.AvailableMemory(112 * 2**30, int(10.1 * 2**30), "unified memory")
    result = spark(gpt_oss_120b, context=131072, kv_dtype="fp8", place=place).memory
    assert result.weights_bytes / 2**30 == pytest.approx(60.77, abs=0.01)
    assert result.total_bytes == result.weights_bytes + result.kv_bytes + result.state_bytes + result.allowance_bytes
    assert result.fits
    risks = {risk.name: risk for risk in result.risks}
    assert risks["moe_finalize"].fits is False
    assert risks["loader_double_buffer"].total_bytes == 2 * result.weights_bytes


def test_what_does_not_fit_is_named(gpt_oss_120b: Facts) -> None:
    def plan(gib: float, **more: Any) -> fit.MemoryPlan:
        return spark(gpt_oss_120b, place=fit.AvailableMemory(int(gib * 2**30), 0, "host memory"), **more).memory

    assert plan(40).text.startswith("the weights (60.77 GiB) do not fit in the 40.00 GiB")
    assert plan(62, context=131072).text.startswith("the KV cache")
    assert plan(63).text.startswith("activations and graphs")
    assert (plan(40).fits, plan(100).fits) == (False, True)
    assert plan(40).short_bytes == plan(40).total_bytes - 40 * 2**30


def test_a_box_that_was_not_looked_at_gives_no_answer(gpt_oss_120b: Facts) -> None:
    result = spark(gpt_oss_120b).memory
    assert (result.fits, result.available_bytes, result.short_bytes) == (None, None, None)


def test_a_requantised_tied_head_is_a_second_copy(tmp_path: Path) -> None:
    facts = weights.read(write_model(tmp_path, *dense(
        layers=2, hidden=64, heads=4, kv_heads=2, dim=16, inner=128, vocab=1000, tied=True)))  # fmt: skip
    stored, head = fit.resident(facts), fit.resident(facts, fit.parse_overrides("lm_head=mxfp4"))
    assert head.weights_bytes - stored.weights_bytes == 64_000 * 17 / 32
    assert stored.dense_bytes - head.dense_bytes == 64_000 * (2 - 17 / 32)


# ------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("text", "says"),
    [("moe", "no such part"), ("brain=fp8", "no such part"), ("moe=fp5", "type 'fp5' is unknown"), ("", "no such")],
)
def test_bad_overrides_name_what_is_known(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        fit.parse_overrides(text)
    assert "are" in caught.value.next_step


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"context": -1}, "context"),
        ({"batch": 0}, "batch"),
        ({"acceptance": 0.5}, "acceptance"),
        ({"context": 200_000}, "ends at 131072"),
        ({"kv_dtype": "q3"}, "--kv-dtype q3"),
        ({"rate_tok_s": -5.0}, "--measured -5.0"),
        ({"rate_tok_s": float("nan")}, "--measured nan"),
    ],
)
def test_numbers_out_of_range(gpt_oss_120b: Facts, more: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        spark(gpt_oss_120b, **more)


def test_a_rate_without_bandwidth_cannot_be_judged(gpt_oss_120b: Facts) -> None:
    with pytest.raises(UsageError, match="no bandwidth to compare it with"):
        fit.fit(gpt_oss_120b, rate_tok_s=50.0)
