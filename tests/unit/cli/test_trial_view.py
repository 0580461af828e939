"""The view of a trial while it goes on, and the summary at its end."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from onbox.cli.ui.progress import TrialProgress
from onbox.cli.ui.summary import summary
from onbox.cli.ui.trial_view import LiveTrialView, TrialLines, make_view
from onbox.judge.results import Uncertainty, Validity
from onbox.trial.events import (
    ContenderStarted,
    ContenderStopped,
    Event,
    FetchProgress,
    Note,
    PhaseEnded,
    PhaseStarted,
    PlanShown,
    RunEnded,
    RunStarted,
    SpeedMeasured,
    TokenProgress,
)
from tests.verdicts import build_verdict, measurement

PLAN = PlanShown(
    trial="trials/first",
    contenders=("small", "large"),
    tasks=("rename", "add-flag"),
    arms=("baseline",),
    runs=2,
    expected_s=720.0,
    download_bytes=1_117_320_736,
    memory_bytes=2_400_000_000,
    basis="8 runs of 90 s",
)
STORY: list[Event] = [
    PLAN,
    ContenderStarted("small", "incumbent", 1, 2),
    PhaseStarted("small", "fetch"),
    FetchProgress("small.gguf", 0, 1000, "hub"),
    FetchProgress("small.gguf", 10, 1000, "hub"),
    FetchProgress("small.gguf", 510, 1000, "hub"),
    FetchProgress("small.gguf", 1000, 1000, "hub"),
    PhaseEnded("small", "fetch", 7.2),
    SpeedMeasured("small", 25.03, "valid"),
    RunStarted("small", "rename", "baseline", 1, 2),
    TokenProgress("small", 24.1, 40),
    RunEnded("small", "rename", "baseline", 1, "passed", "PASS", 12.3),
    RunStarted("small", "rename", "baseline", 2, 2),
    RunEnded("small", "rename", "baseline", 2, "serving failure", "S-LEAK", 4.0),
    ContenderStopped("small", "asked"),
]
HOSTILE = "[bold red]x[/] [link=http://evil.example]y[/link] \x1b[2J\x1b]0;taken\x07 \u202e :smile: \ud800"


class Hand:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def recording(width: int = 80, height: int = 24, colours: bool = False) -> Console:
    return Console(
        record=True, width=width, height=height, file=io.StringIO(), force_terminal=colours, markup=True, emoji=True
    )


def picture_after(events: list[Event], width: int = 80, height: int = 24, clock: Hand | None = None) -> str:
    console = recording(width, height)
    view = LiveTrialView(console, clock or Hand())
    for event in events:
        view.show(event)
    console.print(view.picture())
    return console.export_text()


# ---------------------------------------------------------------- picture


def test_the_picture_says_who_how_far_and_what_fell() -> None:
    picture = picture_after(STORY[:-1])
    lines = picture.splitlines()
    assert "onbox first" in lines[0]
    assert lines[0].rstrip().endswith("small  incumbent, 1 of 2")
    assert "fetch 7.2 s" in lines[1]
    assert "2 of 8 runs" in lines[2]
    assert "expected about 12 min" in lines[2]
    assert any(line.split() == ["rename", "✓", "≈", ".", "."] for line in lines)
    assert any(line.split() == ["add-flag", ".", ".", ".", "."] for line in lines)
    assert any(line.split() == ["decode", "25.0", "tok/s", "valid"] for line in lines)


def test_a_run_under_way_shows_its_place_and_the_rate_now() -> None:
    picture = picture_after(STORY[:11])
    assert any(line.split() == ["rename", ">", ".", ".", "."] for line in picture.splitlines())
    assert "rename, run 1 of 2  24.1 tok/s now, 40 tokens" in picture


def test_a_download_is_shown_while_it_lasts() -> None:
    assert "fetching small.gguf from hub: 510 bytes of 1.00 kB" in picture_after(STORY[:6])
    assert "fetching" not in picture_after(STORY[:7])
    unknown = FetchProgress("a", 2000, None, "hub")
    assert "2.00 kB of unknown" in picture_after([*STORY[:3], unknown])


def test_time_runs_on_between_events() -> None:
    clock = Hand()
    console = recording()
    view = LiveTrialView(console, clock)
    view.show(PLAN)
    clock.now = 200.0
    console.print(view.picture())
    assert "3 min 20 s, expected about 12 min" in console.export_text()


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    long = PlanShown(
        "t" * 200, ("a" * 60, "b" * 60), ("c" * 90, "日本語" * 30), ("baseline", "d" * 50), 3, None, 0, 0, "e" * 300
    )
    story: list[Event] = [
        long,
        ContenderStarted("a" * 60, "incumbent", 1, 2),
        RunStarted("a" * 60, "c" * 90, "baseline", 1, 3),
    ]
    picture = picture_after([*story, TokenProgress("a", 1e6, 10**9)], width)
    assert max(len(line) for line in picture.splitlines()) <= width


def test_runs_at_a_time_have_a_line_each() -> None:
    plan = replace(PLAN, tasks=tuple(f"task-{n}" for n in range(9)), parallel=6)
    names = [(f"task-{task}", n) for task in range(3) for n in (1, 2)]
    three = [RunStarted("small", task, "baseline", n, 2) for task, n in names[:3]]
    picture = picture_after([plan, *three, TokenProgress("small", 61.0, 900)], width=80)
    lines = [line.rstrip() for line in picture.splitlines()]
    assert lines[-4:] == [
        "3 runs at a time  61.0 tok/s now, 900 tokens",
        "  task-0, run 1 of 2",
        "  task-0, run 2 of 2",
        "  task-1, run 1 of 2",
    ]
    assert sum(line.count("> ") + line.endswith(">") for line in lines) == 3
    six = [RunStarted("small", task, "baseline", n, 2) for task, n in names]
    ended = RunEnded("small", "task-0", "baseline", 2, "passed", "PASS", 3.0)
    lines = picture_after([plan, *six, ended], width=80).splitlines()
    assert lines[-1].strip() == "and 1 more"
    assert "task-0, run 2 of 2" not in "".join(lines)
    assert max(map(len, lines)) <= 80
    alone = picture_after([plan, *three, *(replace(ended, task=task, n=n) for task, n in names[:2])], width=80)
    assert alone.splitlines()[-1].strip() == "task-1, run 1 of 2"


def test_many_tasks_show_those_around_the_one_under_way() -> None:
    tasks = tuple(f"task-{n:02d}" for n in range(60))
    many = PlanShown("t", ("small",), tasks, ("baseline",), 1, None, 0, 0, "")
    picture = picture_after([many, RunStarted("small", "task-40", "baseline", 1, 1)])
    assert len(picture.splitlines()) <= 23
    assert "task-40" in picture
    assert "task-00" not in picture
    six = [RunStarted("small", f"task-{n}", "baseline", 1, 1) for n in range(40, 46)]
    picture = picture_after([many, *six])
    assert len(picture.splitlines()) <= 23
    assert "and 2 more" in picture


def test_a_terminal_without_unicode_gets_plain_signs() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    view = LiveTrialView(Console(file=out, width=80, force_terminal=True), Hand())
    for event in STORY:
        view.show(event)
    console = recording()
    console.print(view.picture())
    assert any(line.split() == ["rename", "+", "~", ".", "."] for line in console.export_text().splitlines())


def test_the_last_picture_stays_on_the_screen() -> None:
    console = recording(colours=True)
    with LiveTrialView(console, Hand()) as view:
        for event in STORY:
            view.show(event)
        view.show(Note("a retry"))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.index("a retry") < shown.rindex("2 of 8 runs")
    assert shown.rstrip().endswith("\x1b[?25h")


def test_what_others_wrote_is_text_in_the_picture() -> None:
    console = recording(width=240, colours=True)
    plan = PlanShown(HOSTILE, (HOSTILE,), (HOSTILE,), ("baseline",), 1, None, 0, 0, HOSTILE)
    view = LiveTrialView(console, Hand())
    for event in (plan, ContenderStarted(HOSTILE, HOSTILE, 1, 1), PhaseStarted(HOSTILE, HOSTILE),
                  RunStarted(HOSTILE, HOSTILE, "baseline", 1, 1), Note(HOSTILE)):  # fmt: skip
        view.show(event)
    console.print(view.picture())
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[bold red]x[/] [link=http://evil.example]y[/link] ⟨ESC⟩[2J⟨ESC⟩]0;taken⟨BEL⟩ ⟨U+202E⟩ :smile:" in shown
    assert not set(shown) & {"\x07", "\u202e", "\ud800"}
    assert "\x1b[2J" not in shown
    assert "\x1b]0" not in shown


def test_progress_counts_a_run_once_however_often_it_is_reported() -> None:
    progress = TrialProgress()
    for event in (*STORY, STORY[11]):
        progress.take(event)
    assert (progress.runs_done, progress.runs_total) == (2, 8)


# ---------------------------------------------------------------- lines


def test_plain_lines_tell_every_event_but_tokens() -> None:
    out, clock = io.StringIO(), Hand()
    with TrialLines(out, clock) as view:
        for event in STORY:
            view.show(event)
            clock.now += 10
    assert out.getvalue().splitlines() == [
        "   0:00  plan: small, large; 2 tasks, 2 runs of each; expected about 12 min (8 runs of 90 s); "
        "to fetch 1.12 GB, memory 2.40 GB; evidence in trials/first",
        "   0:10  small: begins, 1 of 2 (incumbent)",
        "   0:20  small: fetch begins",
        "   0:30  fetching small.gguf from hub: 0 bytes of 1.00 kB",
        "   0:50  fetching small.gguf from hub: 510 bytes of 1.00 kB",
        "   1:00  fetching small.gguf from hub: 1.00 kB of 1.00 kB",
        "   1:10  small: fetch took 7.2 s",
        "   1:20  small: decode 25.0 tok/s (valid)",
        "   1:30  small: rename (baseline), run 1 of 2 begins",
        "   1:50  small: rename (baseline), run 1: passed, PASS, 12 s",
        "   2:00  small: rename (baseline), run 2 of 2 begins",
        "   2:10  small: rename (baseline), run 2: serving failure, S-LEAK, 4.0 s",
        "   2:20  small: engine stopped",
    ]


def test_plain_lines_hold_no_escape_and_stay_one_line() -> None:
    out = io.StringIO()
    view = TrialLines(out, Hand())
    view.show(Note(HOSTILE + "\nsecond"))
    assert out.getvalue().count("\n") == 1
    assert not set(out.getvalue()) & {"\x1b", "\x07", "\u202e", "\ud800"}


def test_the_view_fits_where_it_is_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as terminal:
        terminal.setattr("sys.stderr.isatty", lambda: True, raising=False)
        assert isinstance(make_view(), LiveTrialView)
    with make_view() as view:
        view.show(Note("hello"))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "   0:00  hello\n"


# ---------------------------------------------------------------- summary


def summarised(folder: Path | None = None, **changes: object) -> str:
    console = recording()
    console.print(summary(build_verdict(**changes), folder))
    return console.export_text()


def test_the_summary_begins_with_the_verdict_and_ends_with_the_next_command() -> None:
    text = summarised(Path("trials/a b"))
    order = ["Switch", "hardly chance", "failed large TOKEN_RESIDUAL", "warning COVERAGE", "to settle it", "contender",
             "trials/a b/report.html", "onbox verify 'trials/a b'"]  # fmt: skip
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert max(len(line) for line in text.splitlines()) <= 80


def test_the_summary_has_one_row_for_each_contender() -> None:
    rows = {
        line.split()[0]: " ".join(line.split())
        for line in summarised().splitlines()
        if line.startswith(("small", "large"))
    }
    assert rows["small"] == "small 33 %, 4 of 12 14 to 61 % 25.0 tok/s valid 76 s"
    assert rows["large"] == "large 82 %, 9 of 11 52 to 95 % no valid number 81 s"


def test_the_summary_has_whole_headings_where_a_rate_is_wide() -> None:
    known = Uncertainty(relative=0.12, budget=())
    wide = measurement(32.04, status=Validity.SUSPECT, uncertainty=known)
    contenders = tuple(
        each.model_copy(update={"name": f"qwen2.5-coder-{each.name}", "speed": wide})
        for each in build_verdict().contenders
    )
    lines = summarised(contenders=contenders).splitlines()
    heading = next(line for line in lines if line.startswith("contender"))
    assert heading.split("  ")[0] == "contender"
    assert all(name in heading for name in ("pass rate", "95 percent", "decode", "to a pass"))
    assert sum("32.0 tok/s ± 12 %" in line for line in lines) == 2
    assert sum("suspect" in line for line in lines) == 2


def test_the_summary_shows_what_others_wrote_as_text() -> None:
    console = recording(width=400, colours=True)
    console.print(summary(build_verdict(headline=HOSTILE, reasons=(HOSTILE,)), Path("x")))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.count("[bold red]x[/] [link=http://evil.example]y[/link] ⟨ESC⟩[2J") == 2
    assert "\x1b[2J" not in shown
