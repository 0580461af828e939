"""Every number of the report comes from the verdict, and stands where the reader looks for it."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from onbox.atomic_files import write_json
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import LedgerKind, Phase, StandUp, WeightsFile
from onbox.judge.comparison_results import Basis, PairResult
from onbox.report import box, comparison_tables, formatting, html, markdown
from onbox.report.page import step_of, steps_of
from tests.unit.report.trials import Elements
from tests.verdicts import ENDINGS, REFUSED, build_verdict


def section(page: str, name: str, between: str = "") -> str:
    """The text of one section of the page."""
    body = page.split(f'<section id="{name}">')[1].split('<section id="')[0]
    return between.join(Elements(body).text)


def figures(text: str) -> set[str]:
    """Every number in a text."""
    return set(re.findall(r"\d[\d,.]*\d|\d", text))


def said_of(value: Any) -> str:
    """All strings and plain numbers below `value`, and the ways in which words may say a number."""
    if isinstance(value, dict):
        return " ".join(said_of(item) for item in value.values())
    if isinstance(value, list | tuple):
        return " ".join(said_of(item) for item in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        ways = (formatting.tok_s, formatting.seconds, formatting.percent, formatting.p_value, formatting.quantity, str)
        return " ".join(way(value) for way in ways) + f" {100 * value:.0f} {value:,}"
    return str(value)


@pytest.mark.parametrize("name", ["rates", "speed"])
def test_every_number_comes_from_the_verdict(folder: TrialFolder, name: str) -> None:
    verdict = build_verdict()
    allowed = figures(said_of(verdict.model_dump(mode="json"))) | figures("0 25 50 75 100 95")
    observation = figures(section(html.render(folder, verdict), name, between=" "))
    assert len(observation) > 15
    assert observation <= allowed


def test_numbers_follow_the_verdict_and_not_the_evidence(folder: TrialFolder) -> None:
    verdict = build_verdict()
    other = verdict.contenders[0].model_copy(update={"pass_rate": 0.4242, "interval": (0.1717, 0.7373), "passed": 91})
    page = html.render(folder, verdict.model_copy(update={"contenders": (other, verdict.contenders[1])}))
    assert "<b>42 %</b>" in page
    assert "91 of 12, 17 to 74 %" in page
    assert 'cx="42.42%"' in page


@pytest.mark.parametrize(("word", "title"), [("keep", "Keep what you run now"), ("undecided", "Undecided")])
def test_a_negative_result_stands_where_a_positive_one_would(folder: TrialFolder, word: str, title: str) -> None:
    switch = Elements(html.render(folder, build_verdict()))
    negative = html.render(folder, build_verdict(verdict=word))
    assert f"<h1>{title}</h1>" in negative
    assert Elements(negative).shape() == switch.shape()


def test_the_order_is_verdict_numbers_doubts_evidence(folder: TrialFolder) -> None:
    of_page = ["Switch", "Tasks", "Pass rate", "Decode speed", "Checks", "Runs", "Not counted", "Stand-up", "The box"]
    of_report = ["Switch", "Checks", "Pass rate", "Decode speed", "Tasks", "Not counted", "Stand-up", "The box"]
    page, report = html.render(folder, build_verdict()), markdown.render(folder, build_verdict())
    in_page = [page.index(f">{title}</h") for title in of_page]
    in_report = [report.index(f"# {title}\n") for title in of_report]
    assert in_page == sorted(in_page)
    assert in_report == sorted(in_report)


def test_a_square_leads_into_the_row_that_it_opens(folder: TrialFolder) -> None:
    """A browser opens a closed row whose inside is asked for by a link; one that names the row itself it does not."""
    page = html.render(folder, build_verdict())
    links = set(re.findall(r'<td class="squares">.*?</td>', page, re.DOTALL))
    targets = {target for cell in links for target in re.findall(r'href="#(run-\d+)"', cell)}
    assert targets
    for target in targets:
        before, _, _ = page.partition(f'id="{target}"')
        assert before.rstrip().endswith('<div class="run"')
        assert before.rfind("<details>") > before.rfind("</details>")


def test_a_warning_about_a_speed_that_does_not_decide_is_one_line(folder: TrialFolder) -> None:
    by_ability = build_verdict().model_copy(update={"basis": Basis.ABILITY})
    checks = section(html.render(folder, by_ability), "checks")
    assert "1 warning about its speed, which does not decide: CPU_FOREIGN" in " ".join(checks.split())
    assert checks.index("TOKEN_RESIDUAL") < checks.index("which does not decide")
    by_speed = build_verdict().model_copy(update={"basis": Basis.SPEED})
    assert "which does not decide" not in section(html.render(folder, by_speed), "checks")


def test_failed_checks_come_before_warnings_and_carry_their_advice(folder: TrialFolder) -> None:
    text = section(html.render(folder, build_verdict()), "checks")
    places = [text.index(name) for name in ("TOKEN_RESIDUAL", "COVERAGE", "CPU_FOREIGN", "CLOCKS", "SAME_SEEDS")]
    assert places == sorted(places)
    assert "Stop other clients and measure again." in text
    assert "seen 128 tokens, threshold 0 tokens" in text


def test_a_refused_number_is_shown_struck_through_with_its_reason(folder: TrialFolder) -> None:
    folder.note(LedgerKind.DISCARDED, "large/speed/1", "somebody else used the engine")
    page = html.render(folder, build_verdict())
    assert "<s>12.5 tok/s</s>" in page
    assert formatting.NO_VALID_NUMBER in page
    dropped = section(page, "discarded")
    assert "large/runs/explain/baseline/3" in dropped
    assert ENDINGS["I"][3] in dropped
    assert "somebody else used the engine" in dropped
    report = markdown.render(folder, build_verdict())
    assert "~~12.5 tok/s~~" in report
    assert "somebody else used the engine" in report.split("## Not counted")[1]


def test_a_run_that_never_ended_is_an_open_square(folder: TrialFolder) -> None:
    verdict = build_verdict()
    fewer = verdict.model_copy(update={"runs": verdict.runs[:-1]})
    assert html.render(folder, verdict).count("o-open") == html.render(folder, fewer).count("o-open") - 1
    assert "| explain | ✓ ✓ ✗ | ✓ ✓ · |" in markdown.render(folder, fewer)


def test_an_empty_folder_still_gives_a_report(tmp_path: Path) -> None:
    nothing = TrialFolder(tmp_path)
    page, report = html.render(nothing, build_verdict()), markdown.render(nothing, build_verdict())
    for phrase in (formatting.NO_BOX, formatting.NO_STAND_UP, "No transcript was kept"):
        assert phrase in page
        assert phrase in report


def test_a_verdict_without_numbers_shows_no_zero(tmp_path: Path) -> None:
    bare = build_verdict()
    nothing = {"pass_rate": None, "interval": None, "population_interval": None, "if_served_correctly": None,
               "seconds_to_pass": None, "speed": None}  # fmt: skip
    contenders = tuple(contender.model_copy(update=nothing) for contender in bare.contenders)
    verdict = bare.model_copy(update={"contenders": contenders, "runs": (), "bracket": None})
    text = section(html.render(TrialFolder(tmp_path), verdict), "speed")
    assert "0 tok/s" not in text
    assert text.count("Not measured.") == 2


def test_broken_evidence_is_named_and_stops_nothing(folder: TrialFolder) -> None:
    (folder.path / "box.json").write_text("{")
    (folder.path / "small" / "standup" / "phases.json").write_text('{"launch_id": 1}')
    (folder.run_folder("small", "rename", "baseline", 1) / "trajectory.json").write_text('{"steps": 7')
    for text in (html.render(folder, build_verdict()), markdown.render(folder, build_verdict())):
        assert "box.json: not JSON" in text
        assert "small/standup/phases.json" in text
        assert "The transcript cannot be read" in text
        assert str(folder.path.parent) not in text


def test_a_transcript_with_an_integer_of_any_length_is_shown(tmp_path: Path) -> None:
    call = {"name": "write", "arguments": {"n": 10**30}}
    step = {"role": "assistant", "tool_calls": [call], "seconds": 10**400, "tokens": 10**30}
    (tmp_path / "trajectory.json").write_text(json.dumps({"steps": [step]}))
    (found,), problem = steps_of(tmp_path / "trajectory.json")
    shown = step_of(found, 100)
    assert problem == ""
    assert (shown.calls[0].arguments.head, shown.seconds, shown.tokens) == (f'{{"n": {10**30}}}', None, None)


def test_the_box_is_shown_whatever_its_keys(folder: TrialFolder) -> None:
    facts = {
        "memory": {"total_bytes": 16_700_000_000},
        "bandwidth": {"read_gb_s": 34.4},
        "new_s": 2.5,
        "odd": [1, None],
        "accelerators": [{"name": "GB10", "memory_bytes": 128_000_000_000}],
    }
    write_json(folder.path / "box.json", facts)
    text = section(html.render(folder, build_verdict()), "box")
    for phrase in ("16.7 GB", "34.4 GB/s", "2.5 s", "1, unknown", "GB10", "128 GB"):
        assert phrase in text


def test_the_box_in_a_few_lines(folder: TrialFolder) -> None:
    fingerprint = {
        "system": {"product": None, "os": "Ubuntu 24.04", "kernel": "6.14"},
        "cpu": {"model": "Grace", "cores": 20, "arch": "aarch64"},
        "memory": {"total_bytes": 128_000_000_000, "available_bytes": 119e9, "unified": True},
        "accelerators": [{"name": "GB10", "compute_capability": "12.1"}, "odd"],
        "bandwidths": [{"device": "GB10", "read_gb_s": 232.0, "nominal_gb_s": 273.0, "method": "own kernel"}],
        "disk": ["odd"],
    }
    assert box.lines(fingerprint) == [
        ("system", "Ubuntu 24.04, kernel 6.14"),
        ("processor", "Grace, 20 cores, aarch64"),
        ("memory", "128 GB, 119 GB available before, shared with the accelerator"),
        ("accelerator", "GB10, compute capability 12.1"),
        ("memory reads, GB10", "232 GB/s, of 273 GB/s by its maker, own kernel"),
    ]
    write_json(folder.path / "box.json", fingerprint)
    for text in (html.render(folder, build_verdict()), markdown.render(folder, build_verdict())):
        assert "119 GB available before" in text


def test_the_same_evidence_gives_the_same_bytes(folder: TrialFolder) -> None:
    assert html.render(folder, build_verdict()) == html.render(folder, build_verdict())
    assert markdown.render(folder, build_verdict()) == markdown.render(folder, build_verdict())


def test_three_contenders_have_three_colours(folder: TrialFolder) -> None:
    verdict = build_verdict()
    third = verdict.contenders[1].model_copy(update={"name": "third", "speed": REFUSED})
    page = html.render(folder, verdict.model_copy(update={"contenders": (*verdict.contenders, third)}))
    assert all(f'class="card c{n}"' in page for n in range(3))


def test_the_picture_of_the_readme_can_be_drawn() -> None:
    picture = ElementTree.parse(Path(__file__).parents[3] / "docs" / "picture.svg").getroot()
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert "undecided" in "".join(picture.itertext())


@pytest.mark.parametrize(("source", "fetched"), [("parts", True), ("hub", True), ("cache", False), ("path", False)])
def test_weights_are_named_and_the_time_of_their_fetch_is_a_phase(
    folder: TrialFolder, source: str, fetched: bool
) -> None:
    home = folder.contender("small")
    write_json(
        home / "standup" / "phases.json",
        StandUp(launch_id="1", engine="x", url="http://x", phases=(Phase(name="load", seconds=4.0),)),
    )
    write_json(
        home / "weights.json", WeightsFile(file="m.gguf", bytes=5, sha256="ab" * 32, source=source, seconds=12.5)
    )
    for text in (html.render(folder, build_verdict()), markdown.render(folder, build_verdict())):
        assert "ab" * 32 in text
        assert (f"from {source}" in text) is fetched
        assert ("12.5 s" in text or "12 s" in text or "13 s" in text) is fetched


def test_the_page_has_the_table_of_pairs_that_the_other_views_have(folder: TrialFolder) -> None:
    pair = PairResult(
        old="small", new="large", difference=0.3, difference_interval=(0.1, 0.5), p=0.01, ability="better",
        time_ratio=None, time_interval=None, time_pairs=0, pace="unknown", confidence=0.95, verdict="switch",
        basis="ability",
    )  # fmt: skip
    three = (*build_verdict().contenders, build_verdict().contenders[0].model_copy(update={"name": "third"}))
    verdict = build_verdict().model_copy(update={"pairs": (pair, pair, pair), "contenders": three})
    page = section(html.render(folder, verdict), "compared")
    for cell in comparison_tables.pair_rows(verdict)[0]:
        assert cell in page
