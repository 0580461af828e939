"""What compares: arms with the scope of their difference, contenders as a picture and a table, pairs with Holm's p."""

import re
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console

from onbox.cli.ui.summary import summary
from onbox.evidence.folder import TrialFolder
from onbox.judge.comparison_results import Ability, Pace, PairResult, Standing
from onbox.judge.results import AbilityDifference, ArmResult, TaskTally, Verdict
from onbox.report import comparison_tables, frontier, html, markdown
from onbox.report.frontier import Point
from tests.builders import build_trial
from tests.verdicts import build_verdict

ARM = ArmResult(
    contender="large",
    arm="rules",
    pairs=27,
    passed=21,
    baseline_passed=9,
    better=13,
    worse=1,
    p=0.0018,
    population_p=0.0391,
    difference=AbilityDifference(value=0.444, interval=(0.2, 0.62), population_interval=(-0.05, 0.8)),
    tasks=TaskTally(better=6, equal=2, worse=1),
    scope="these tasks",
)
CHANCE = ARM.model_copy(update={"arm": "cool", "p": 0.4, "population_p": 0.5, "scope": None})


def standing(name: str, rate: float | None, seconds: float | None, memory: int | None, *over: str) -> Standing:
    return Standing(
        name=name,
        pass_rate=rate,
        seconds_a_run=seconds,
        memory_bytes=memory,
        free_bytes=None,
        sees=None,
        context_tokens=None,
        demands={},
        dominated_by=over,
    )


STANDINGS = (
    standing("able & slow", 0.75, 40.0, 16_000_000_000),
    standing("quick", 0.5, 10.0, 4_000_000_000),
    standing("neither", 0.25, 30.0, 4_000_000_000, "quick"),
    standing("untimed", 0.9, None, None),
)
PAIR = PairResult(
    old="quick",
    new="neither",
    difference=-0.25,
    difference_interval=(-0.5, -0.02),
    p=0.0312,
    ability=Ability.WORSE,
    time_ratio=3.0,
    time_interval=(2.5, 3.6),
    time_pairs=27,
    pace=Pace.SLOWER,
    confidence=0.99,
    verdict="keep",
    basis=None,
)


@pytest.fixture
def folder(tmp_path: Path) -> TrialFolder:
    return build_trial(tmp_path / "trial")


def several() -> Verdict:
    """A verdict on four contenders."""
    verdict = build_verdict(standings=STANDINGS, pairs=(PAIR, PAIR))
    return verdict.model_copy(update={"contenders": (*verdict.contenders, *verdict.contenders)})


def on_a_terminal(verdict: Verdict) -> str:
    shown = StringIO()
    Console(file=shown, width=160, no_color=True).print(summary(verdict))
    return shown.getvalue()


def everywhere(folder: TrialFolder, verdict: Verdict) -> dict[str, str]:
    """The same verdict in each view, as lines of text."""
    page = re.sub(r"<[^>]+>", " ", html.render(folder, verdict).partition("</style>")[2])
    return {"html": page, "markdown": markdown.render(folder, verdict), "terminal": on_a_terminal(verdict)}


@pytest.mark.parametrize("view", ["html", "markdown", "terminal"])
def test_an_arm_says_how_far_its_difference_holds(folder: TrialFolder, view: str) -> None:
    message = " ".join(everywhere(folder, build_verdict(arms=(ARM, CHANCE)))[view].split())
    for title in ("holds for", "these tasks", "tasks like these", "points more"):
        assert title in message
    for value in ("p = 0.002", "p = 0.039", "44 points (20 to 62)", "may be chance"):
        assert value in message.replace("&lt;", "<"), value


@pytest.mark.parametrize("view", ["html", "markdown", "terminal"])
def test_contenders_stand_in_one_table_beside_their_pairs(folder: TrialFolder, view: str) -> None:
    message = " ".join(everywhere(folder, several())[view].split())
    for value in ("dominated by", "40 s", "16.0 GB", "chance (Holm)", "p = 0.031", "3 (2.5 to 3.6)"):
        assert value in message.replace("\\", ""), value


def test_two_contenders_are_drawn_on_the_page_and_need_no_table_on_a_terminal(folder: TrialFolder) -> None:
    two = build_verdict(standings=STANDINGS[:2], pairs=(PAIR,))
    assert list(comparison_tables.tables(two)) == []
    assert [title for title, *_ in comparison_tables.tables(two, least=2)] == [comparison_tables.STANDINGS]
    message = everywhere(folder, two)
    assert 'class="frontier"' in html.render(folder, two)
    assert comparison_tables.STANDINGS in message["markdown"]
    assert "dominated by" not in message["terminal"]


def test_a_difference_of_nothing_has_no_sign() -> None:
    pair = PAIR.model_copy(update={"difference": -0.001, "difference_interval": (-0.004, 0.3)})
    assert (
        comparison_tables.pair_rows(build_verdict(pairs=(pair,), contenders=several().contenders))[0][3]
        == "0 points (0 to 30)"
    )


def test_one_contender_is_beside_nobody(folder: TrialFolder) -> None:
    alone = build_verdict(standings=(), pairs=())
    assert 'id="compared"' not in html.render(folder, alone)
    assert list(comparison_tables.tables(alone, least=2)) == []


def test_the_picture_has_who_is_faster_to_the_left_and_who_passes_more_above(folder: TrialFolder) -> None:
    drawn = str(frontier.draw(comparison_tables.points(several()), "all"))
    found = re.findall(r'<circle class="point([\w ]*)" cx="([\d.]+)%" cy="([\d.]+)" r="([\d.]+)"', drawn)
    assert found == [
        ("", "80.0", "65.0", "22.0"),
        ("", "20.0", "130.0", "11.0"),
        (" dominated", "60.0", "195.0", "11.0"),
    ]
    page = html.render(folder, several())
    assert "3 neither: 25 %, 30 s, memory 4.00 GB, dominated by quick" in page
    assert "able &amp; slow" in page
    assert "untimed" not in page.partition('class="frontier"')[2].partition("</svg>")[0]


def test_a_contender_whose_memory_nobody_saw_is_drawn_as_such() -> None:
    drawn = str(frontier.draw([Point(1, "x", 0.5, 10.0)], "x"))
    assert '<circle class="point unseen"' in drawn
    assert f'r="{frontier.DOT_MIN}"' in drawn


def test_what_runs_now_and_how_well_a_rate_is_known_are_drawn() -> None:
    drawn = str(frontier.draw([Point(1, "x", 0.5, 10.0, (0.25, 0.75), 1, incumbent=True)], "x"))
    assert '<circle class="point incumbent"' in drawn
    assert '<line class="reach point incumbent" x1="66.667%" x2="66.667%" y1="195.0" y2="65.0"/>' in drawn


@pytest.mark.parametrize(
    ("longest_s", "ticks"),
    [
        (0.3, "0 s, 0.1 s, 0.2 s, 0.3 s, 0.4 s"),
        (9, "0 s, 2 s, 4 s, 6 s, 8 s, 10 s"),
        (48, "0 s, 10 s, 20 s, 30 s, 40 s, 50 s"),
        (49, "0 s, 20 s, 40 s, 60 s"),
        (149, "0 s, 50 s, 100 s, 150 s, 200 s"),
        (600, "0 min, 5 min, 10 min, 15 min"),
        (4 * 3600, "0 h, 1 h, 2 h, 3 h, 4 h, 5 h"),
    ],
)
def test_the_scale_of_time_is_round_and_ends_beyond_the_longest(longest_s: float, ticks: str) -> None:
    found = frontier.ticks_of(longest_s)
    assert ", ".join(name for _, name in found) == ticks
    assert found[-1][0] > longest_s


def test_no_number_covers_another() -> None:
    crowd = [(50.0, 100.0), (50.5, 101.0), (51.0, 100.0), (49.0, 104.0), (90.0, 100.0), (50.0, 100.0)]
    placed = frontier.apart(crowd)
    assert [at for at, _ in placed] == [at for at, _ in crowd]
    assert placed[4] == crowd[4]
    near = sorted(height for at, height in placed if at < 60)
    assert min(b - a for a, b in pairwise(near)) >= frontier.LETTERS_HIGH - 0.6
