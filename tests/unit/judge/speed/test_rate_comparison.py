"""Rates beside each other: their uncertainties enter, and what they do not tell apart is said to be so."""

from pathlib import Path

import pytest

from onbox.evidence.claims import Claim
from onbox.evidence.records import Role
from onbox.judge.rates import RateOrder
from onbox.judge.results import Measurement, RequestSpeed, Uncertainty, Validity
from onbox.judge.speed.ceiling_checks import plausibility
from onbox.judge.speed.claims import ServedModel, judge_claims
from onbox.judge.speed.rate_comparison import over_one_request, rate_pairs, rate_ratio, ratio_of
from onbox.report import formatting, markdown
from tests.builders import Contender, build_trial, speed_parts
from tests.judging import judge
from tests.unit.judge.speed.test_ceiling_checks import ONE_GB
from tests.verdicts import measurement


def known(tok_s: float, relative: float | None, **changes: object) -> Measurement:
    stated = None if relative is None else Uncertainty(relative=relative, budget=())
    interval = None if relative is None else (tok_s * (1 - relative), tok_s * (1 + relative))
    return measurement(tok_s, uncertainty=stated, interval=interval, **changes)


@pytest.mark.parametrize(
    ("new", "relative", "message"),
    [
        (53.0, 0.01, RateOrder.FASTER),
        (47.0, 0.01, RateOrder.SLOWER),
        (51.0, 0.02, RateOrder.EQUAL),
        (50.0, 0.0, RateOrder.EQUAL),
        (54.0, 0.08, RateOrder.EQUAL),
        (70.0, None, RateOrder.NOT_COMPARED),
    ],
)
def test_faster_only_where_the_interval_of_the_ratio_leaves_out_one(
    new: float, relative: float | None, message: RateOrder
) -> None:
    assert rate_ratio(known(50.0, 0.02), known(new, relative)).said is message


def test_relative_uncertainties_add_in_squares() -> None:
    found = ratio_of(50.0, 0.03, 100.0, 0.04)
    assert (found.ratio, found.relative, found.interval) == (2.0, 0.05, (1.9, 2.1))
    assert formatting.ratio(found) == "2.00 times ± 5 %"
    assert formatting.ratio(ratio_of(50.0, 0.03, 51.0, 0.04)) == "1.02 times ± 5 %, equal within uncertainty"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"status": Validity.SUSPECT}, "a suspect rate is off by more than its uncertainty says"),
        ({"decode_tok_s": None, "interval": None}, "there is no valid rate of one of them"),
        ({"profile": {"tokens": 96, "depth_tokens": 4096, "concurrency": 1}}, "depth tokens differ: 0 and 4096"),
        ({"profile": {"tokens": 96, "depth_tokens": 0, "concurrency": 4}}, "concurrency differ: 1 and 4"),
        ({"profile": {"tokens": 512, "depth_tokens": 0, "concurrency": 1}}, "requests are of 96 and 512 tokens"),
    ],
)
def test_what_is_not_alike_is_not_compared(changes: dict[str, object], why: str) -> None:
    found = rate_ratio(known(50.0, 0.02), known(100.0, 0.02).model_copy(update=changes))
    assert found.said is RateOrder.NOT_COMPARED
    assert (found.ratio, found.interval) == (None, None)
    assert why in found.why


def test_replies_of_about_one_length_are_alike() -> None:
    other = known(100.0, 0.02, profile={"tokens": 160, "depth_tokens": 0, "concurrency": 1})
    assert rate_ratio(known(50.0, 0.02), other).said is RateOrder.FASTER


def test_all_together_over_one_at_a_time() -> None:
    cell = known(40.0, 0.03, system_tok_s=75.0)
    found = over_one_request(known(50.0, 0.04), cell)
    assert found is not None
    assert (found.ratio, found.relative) == (1.5, 0.05)
    assert formatting.cell(cell.model_copy(update={"beside_one": found})) == (
        "1", "40.0 tok/s ± 3 %", "75.0 tok/s ± 3 %", "1.50 times ± 5 %", "valid",
    )  # fmt: skip
    assert over_one_request(known(50.0, 0.04), known(40.0, 0.03)) is None


def test_a_trial_shows_which_decodes_faster_and_by_how_much(tmp_path: Path) -> None:
    rates = {"old": 25.0, "new": 40.0, "like": 25.0}
    contenders = [
        Contender(name, Role.INCUMBENT if name == "old" else Role.CHALLENGER, {}, speed=speed_parts(tok_s))
        for name, tok_s in rates.items()
    ]
    folder = build_trial(tmp_path, contenders, runs=1)
    verdict = judge(folder)
    assert [(pair.old, pair.new, pair.said) for pair in verdict.rates] == [
        ("old", "new", RateOrder.FASTER),
        ("old", "like", RateOrder.EQUAL),
    ]
    result = " ".join(verdict.reasons)
    assert "new decodes faster than old: 1.6 times ± " in result
    assert "The rates of old and like are equal within their uncertainty (ratio 1 ± " in result
    assert "equal within their uncertainty" in markdown.render(folder, verdict)
    assert rate_pairs(verdict.contenders[:1]) == ()


ABOUT = ServedModel(names=["m"], box=["b"], backend="k", precision="p")


@pytest.mark.parametrize(("relative", "verdict"), [(0.01, "reproduces"), (0.03, "undecided"), (None, "not comparable")])
def test_a_published_rate_near_one_that_is_not_known_well_enough_is_undecided(
    relative: float | None, verdict: str
) -> None:
    claim = Claim(
        name="c", models=["m"], tok_s=50.0, quantity="decode", tokens=96, concurrency=1, prefix_cache=False,
        context_tokens=9, requests=10, counting="usage", backend="k", precision="p", box="b", speculation="none",
        source="s",
    )  # fmt: skip
    each = RequestSpeed(id=1, prompt_tokens=9, tokens=96, ttft_s=0.1, seconds=2.0, decode_tok_s=50.0)
    speed = known(50.0, relative, each=(each,))
    (found,) = judge_claims([claim], speed, ABOUT)
    assert found.verdict == verdict
    (other,) = judge_claims([claim.model_copy(update={"tok_s": 60.0})], speed, ABOUT)
    assert other.verdict == ("differs" if relative else "not comparable")


@pytest.mark.parametrize(
    ("implied", "relative", "message"),
    [
        (20.0, 0.02, "below_ceiling"),
        (25.0, 0.05, "below_ceiling or at_ceiling"),
        (10.3, 0.05, "not_bandwidth_bound or below_ceiling"),
        (34.0, 0.05, "at_ceiling"),
        (35.0, 0.05, "at_ceiling or impossible"),
        (40.0, 0.05, "impossible"),
        (40.0, None, "impossible"),
    ],
)
def test_a_rate_near_a_line_is_reported_on_both_sides(implied: float, relative: float | None, message: str) -> None:
    assert plausibility(ONE_GB, implied, relative) == message
