"""Published rates against measurements: reproduced only where everything is the same."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from onbox.atomic_files import write_json
from onbox.errors import UsageError
from onbox.evidence.claims import Claim, Claims
from onbox.evidence.claims_file import read_claims, written
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import Role
from onbox.judge.results import ClaimResult
from onbox.published import published
from onbox.report import html, markdown
from tests.builders import Contender, build_trial, speed_parts
from tests.judging import judge

PAGE = Path(__file__).parents[4] / "docs" / "claims.md"
SAME: dict[str, Any] = {
    "name": "theirs",
    "models": ["my-model"],
    "tok_s": 25.2,
    "quantity": "decode",
    "tokens": 96,
    "context_tokens": 32,
    "concurrency": 1,
    "prefix_cache": False,
    "requests": 10,
    "counting": "usage",
    "backend": "CUTLASS MXFP4",
    "precision": "MXFP4, all",
    "box": "GB10",
    "speculation": "none",
    "source": "a page",
}


MINIMAL = "{name: a, models: [b], tok_s: 1, source: c}"


def trial(path: Path, *, tok_s: float = 25.0, backend: str = "cutlass mxfp4", box: str = "NVIDIA GB10") -> TrialFolder:
    """One measured contender that the requests call My_Model-120B, on a box that says what it is."""
    parts = speed_parts(tok_s)
    named = [{**exchange.request, "model": "My_Model-120B"} for exchange in parts.exchanges]
    parts.exchanges = [e.model_copy(update={"request": r}) for e, r in zip(parts.exchanges, named, strict=True)]
    stated = parts.run.plan.model_copy(update={"backend": backend, "precision": "mxfp4 all" if backend else ""})
    parts.run = parts.run.model_copy(update={"plan": stated})
    folder = build_trial(path, [Contender("c0", Role.INCUMBENT, {}, speed=parts)], runs=1)
    write_json(folder.path / "box.json", {"accelerators": [{"name": box}], "cpu": {"model": "some"}})
    return folder


def held(folder: TrialFolder, **changes: Any) -> ClaimResult:
    """The claim as it is held against the one measurement of the folder."""
    speed = judge(folder, [Claim.model_validate({**SAME, **changes})]).contenders[0].speed
    assert speed is not None
    (found,) = speed.claims
    return found


def bars(found: ClaimResult) -> list[str]:
    return [difference.what for difference in found.differences if difference.bars]


def test_the_same_profile_and_the_interval_within_the_tolerance(tmp_path: Path) -> None:
    found = held(trial(tmp_path / "t"))
    assert (found.verdict, found.differences) == ("reproduces", ())


def test_the_same_profile_and_another_rate(tmp_path: Path) -> None:
    found = held(trial(tmp_path / "t"), tok_s=26.0)
    assert found.verdict == "differs"
    assert bars(found) == ["value"]
    assert found.differences[0].measured == "25 to 25 tok/s"
    assert held(trial(tmp_path / "u"), tok_s=26.0, tolerance=0.05).verdict == "reproduces"


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("quantity", "output", "definition"),
        ("quantity", None, "definition"),
        ("tokens", 128, "window"),
        ("tokens", None, "window"),
        ("context_tokens", 2048, "depth"),
        ("context_tokens", None, "depth"),
        ("concurrency", 2, "concurrency"),
        ("concurrency", None, "concurrency"),
        ("prefix_cache", True, "cache"),
        ("prefix_cache", None, "cache"),
        ("backend", "MARLIN", "backend"),
        ("backend", None, "backend"),
        ("precision", "FP8", "precision"),
        ("precision", None, "precision"),
        ("box", "H200", "box"),
        ("speculation", "MTP", "speculation"),
    ],
)
def test_one_thing_that_is_another_or_not_told_makes_it_incomparable(
    field: str, value: Any, what: str, tmp_path: Path
) -> None:
    found = held(trial(tmp_path / "t"), **{field: value})
    assert found.verdict == "not comparable"
    assert bars(found) == [what]
    (difference,) = found.differences
    assert difference.why
    assert ("its source does not tell it" in difference.why) == (value is None)
    assert (difference.claimed == "not told") == (value is None)


def test_what_nobody_stated_of_the_server_is_not_known(tmp_path: Path) -> None:
    found = held(trial(tmp_path / "t", backend=""))
    assert bars(found) == ["backend", "precision"]
    assert found.differences[0].measured == "not known: state it with --backend"


def test_few_requests_and_odd_counting_are_reported_and_bar_nothing(tmp_path: Path) -> None:
    found = held(trial(tmp_path / "t"), requests=3, counting=None)
    assert found.verdict == "reproduces"
    lines = [(difference.what, difference.claimed, difference.bars) for difference in found.differences]
    assert lines == [("n", "3", False), ("counting", "not told", False)]


def test_an_invalid_measurement_reproduces_nothing(tmp_path: Path) -> None:
    folder = trial(tmp_path / "t")
    after = folder.path / "c0" / "speed" / "1" / "metrics-after.prom"
    after.write_text(after.read_text().replace("tokens_predicted_total 1384", "tokens_predicted_total 1500"))
    found = held(folder)
    assert found.verdict == "not comparable"
    assert bars(found) == ["value"]
    assert found.differences[0].measured == "no valid rate"


def test_claims_about_other_models_are_left_out(tmp_path: Path) -> None:
    speed = judge(trial(tmp_path / "t"), [Claim.model_validate({**SAME, "models": ["other"]})]).contenders[0].speed
    assert speed is not None
    assert speed.claims == ()


def test_the_folders_own_claims_need_no_option_and_are_in_both_reports(tmp_path: Path) -> None:
    folder = trial(tmp_path / "t")
    claims = Claims(claims=(Claim.model_validate({**SAME, "context_tokens": 2048, "date": "2026-05-01"}),))
    (folder.path / "claims.yaml").write_bytes(written(claims))
    verdict = judge(folder)
    speed = verdict.contenders[0].speed
    assert speed is not None
    assert [claim.verdict for claim in speed.claims] == ["not comparable"]
    for text in (html.render(folder, verdict), markdown.render(folder, verdict)):
        assert "a page, 2026-05-01" in text
        assert "depth: claimed 2048, here 32" in text
        assert "every token of context is read again" in text


class TestPublished:
    def test_the_claims_of_the_story_come_along(self) -> None:
        claims = published().claims
        rates = {(claim.models[0], claim.tok_s) for claim in claims}
        assert {("gpt-oss-120b", 58.82), ("gpt-oss-120b", 59.5)} <= rates
        assert {("qwen3.6-35b", 69.2), ("qwen3.6-35b", 61.4)} <= rates
        assert all(claim.source for claim in claims)

    def test_none_of_them_can_be_reproduced_by_a_rate_alone(self, tmp_path: Path) -> None:
        folder = trial(tmp_path / "t", tok_s=59.0)
        claims = [claim.model_copy(update={"models": ("my-model",)}) for claim in published().claims]
        speed = judge(folder, claims).contenders[0].speed
        assert speed is not None
        assert {claim.verdict for claim in speed.claims} == {"not comparable"}
        assert len(speed.claims) == len(claims)

    def test_the_page_shows_them_all(self) -> None:
        rows = re.findall(r"^\| ([\w.-]+) \| ([\d.]+) \|", PAGE.read_text(), re.MULTILINE)
        assert rows == [(claim.name, f"{claim.tok_s:g}") for claim in published().claims]

    def test_the_example_of_the_page_is_read(self, tmp_path: Path) -> None:
        (example,) = re.findall(r"^```\n(claims:.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
        (tmp_path / "mine.yaml").write_text(example.replace("date: 2026-11-20", "date: '2026-11-20'"))
        (claim,) = read_claims(tmp_path / "mine.yaml").claims
        assert set(Claim.model_fields) - claim.model_fields_set == {"remark"}
        assert read_claims_of(example, tmp_path).claims == (claim,), "a date need not be quoted"


def read_claims_of(text: str, tmp_path: Path) -> Claims:
    (tmp_path / "claims.yaml").write_text(text)
    return read_claims(tmp_path / "claims.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("claims: [{name: a}]", "claims.0.models: is missing"),
        ("claims: [{name: a, models: [b], tok_s: fast, source: c}]", "claims.0.tok_s"),
        ("claims: [{name: a, models: [b], tok_s: 1, source: c, depth: 3}]", "claims.0.depth"),
        ("claims: [", "not YAML"),
        ("- 3", "the whole"),
        (f"claims: [{MINIMAL}, {MINIMAL}]", "two claims are named a"),
    ],
)
def test_a_bad_file_is_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_claims_of(text, tmp_path)
    assert "claims.yaml" in caught.value.message
    assert message in caught.value.message


def test_written_claims_are_read_again() -> None:
    assert Claims.model_validate(yaml.safe_load(written(published()))) == published()
