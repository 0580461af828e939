"""The view of a trial while it goes on: a picture for a terminal, one line an event for a pipe.

Both write to stderr, since stdout is for results. What a model, a server or a file name says is shown as text: never
interpreted as Rich markup, never let through to the terminal as an escape sequence.
"""

import sys
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from onbox.cli.ui.console import console
from onbox.cli.ui.progress import TrialProgress
from onbox.cli.ui.readers import reader_of_progress
from onbox.report import formatting
from onbox.report.text import one_line
from onbox.trial.events import (
    ContenderFailed,
    ContenderStarted,
    ContenderStopped,
    Event,
    FetchProgress,
    MeasurementProgress,
    Note,
    PhaseEnded,
    PhaseStarted,
    PlanShown,
    RunEnded,
    RunStarted,
    SpeedMeasured,
    TokenProgress,
)

Clock = Callable[[], float]

ASCII_SIGNS = {"passed": "+", "failed": "x", "serving failure": "~", "invalid": "-"}
STYLES = {
    "passed": "green",
    "failed": "red",
    "serving failure": "yellow",
    "invalid": "dim",
    "valid": "green",
    "suspect": "yellow",
}
REFRESH_PER_SECOND = 4
LINES_BESIDE_GRID = 12
MEASURING_EVERY_S = 5.0
RUNS_SHOWN = 4
"""Of several under way each has a line, and of many the oldest."""


class TrialView(Protocol):
    """Shows a trial; use it as a context manager, so that the terminal is left in order."""

    def show(self, event: Event) -> None:
        """Take in one event."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def make_view() -> TrialView:
    """On stderr: the picture for a terminal, lines for anything else."""
    return LiveTrialView(console(stderr=True)) if sys.stderr.isatty() else lines()


def lines() -> TrialView:
    """Lines on stderr."""
    return TrialLines(sys.stderr)


# ---------------------------------------------------------------- lines


class TrialLines:
    """One line for each event, with the time since the start; token events are dropped.

    Args:
        out: where the lines go.
        clock: seconds that only grow.
    """

    def __init__(self, out: TextIO, clock: Clock = time.monotonic) -> None:
        self._out = out
        self._clock = clock
        self._start = clock()
        self._tenths: dict[str, int] = {}
        self._measured_s = -MEASURING_EVERY_S

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with reader_of_progress(self._out):
            self._out.flush()

    def show(self, event: Event) -> None:
        """Print the event's line, if it has one."""
        if isinstance(event, FetchProgress) and not self._is_news(event):
            return
        if isinstance(event, MeasurementProgress) and not event.note and not self._is_time():
            return
        line = describe(event)
        if line:
            elapsed = int(self._clock() - self._start)
            with reader_of_progress(self._out):
                print(f"{elapsed // 60:4d}:{elapsed % 60:02d}  {one_line(line)}", file=self._out, flush=True)

    def _is_time(self) -> bool:
        """A measurement that goes on is a line every few seconds."""
        now_s = self._clock()
        if now_s - self._measured_s < MEASURING_EVERY_S:
            return False
        self._measured_s = now_s
        return True

    def _is_news(self, event: FetchProgress) -> bool:
        """A download is shown in tenths, not in every block that arrives."""
        tenth = event.bytes_done * 10 // event.bytes_total if event.bytes_total else 0
        key = f"{event.name} {event.source}"
        if self._tenths.get(key) == tenth:
            return False
        self._tenths[key] = tenth
        return True


def describe(event: Event) -> str:
    """An event in one sentence; empty for events that are only for the eye."""
    match event:
        case PlanShown():
            return f"plan: {', '.join(event.contenders)}; {_work(event)}{_needs(event)}evidence in {event.trial}"
        case ContenderStarted():
            return f"{event.contender}: begins, {event.position} of {event.total} ({event.role})"
        case ContenderStopped():
            return f"{event.contender}: engine {_gone(event.how)}"
        case ContenderFailed():
            return f"{event.contender}: failed: {event.why}"
        case FetchProgress(source="hashing"):
            return f"{event.name}: {_hashing(event)}"
        case FetchProgress():
            return f"fetching {event.name} from {event.source}: {_bytes_of(event)}"
        case PhaseStarted():
            return f"{event.contender}: {event.phase} begins"
        case PhaseEnded():
            return f"{event.contender}: {event.phase} took {formatting.seconds(event.seconds)}"
        case MeasurementProgress():
            return f"{event.contender}: {_measuring(event)}"
        case SpeedMeasured():
            value = formatting.NO_VALID_NUMBER if event.tok_s is None else formatting.tok_s(event.tok_s)
            whose = f" {formatting.KERNELS_ALONE}" if event.random_weights else ""
            return f"{event.contender}: decode {value}{whose} ({event.status})"
        case RunStarted():
            return f"{event.contender}: {event.task} ({event.arm}), run {event.n} of {event.total} begins"
        case RunEnded():
            took = formatting.seconds(event.seconds)
            return (
                f"{event.contender}: {event.task} ({event.arm}), run {event.n}: {event.outcome}, {event.code}, {took}"
            )
        case Note():
            return event.text
        case TokenProgress():
            return ""


def _work(event: PlanShown) -> str:
    """The runs, where there are tasks."""
    if not event.tasks:
        return ""
    at_a_time = f", {event.parallel} at a time" if event.parallel > 1 else ""
    return f"{formatting.count(len(event.tasks), 'task')}, {formatting.count(event.runs, 'run')} of each{at_a_time}; "


def _needs(event: PlanShown) -> str:
    """What it takes; of servers that run already nothing is known."""
    if event.expected_s is None:
        return ""
    return (
        f"expected {_about(event.expected_s)} ({event.basis}); "
        f"to fetch {formatting.size(event.download_bytes)}, memory {formatting.size(event.memory_bytes)}; "
    )


def _gone(how: str) -> str:
    return how if how == "left running" else "stopped" if how == "asked" else f"gone, {how}"


def _about(seconds: float | None) -> str:
    return formatting.UNKNOWN if seconds is None else f"about {formatting.seconds(seconds)}"


def _hashing(event: FetchProgress) -> str:
    return f"hashing weights {formatting.size(event.bytes_done)} of {formatting.size(event.bytes_total or 0)}"


def _measuring(event: MeasurementProgress) -> str:
    left = "" if event.left_s is None or event.done == event.total else f", {_about(event.left_s)} left"
    return event.note or f"{formatting.of(event.done, event.total)} requests measured{left}"


def _bytes_of(event: FetchProgress) -> str:
    total = formatting.UNKNOWN if event.bytes_total is None else formatting.size(event.bytes_total)
    return f"{formatting.size(event.bytes_done)} of {total}"


# ---------------------------------------------------------------- picture


class LiveTrialView:
    """One picture that changes in place: who, which phase, how far, the outcomes as they fall, tokens a second now.

    Args:
        console: where it is drawn, 80 columns or more.
        clock: seconds that only grow.
    """

    def __init__(self, console: Console, clock: Clock = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._start = clock()
        self._progress = TrialProgress()
        self._signs = formatting.SIGNS if console.encoding.lower().startswith("utf") else ASCII_SIGNS
        self._live = Live(
            console=console, get_renderable=self.picture, refresh_per_second=REFRESH_PER_SECOND, redirect_stdout=False
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, event: Event) -> None:
        """Take in one event; the next refresh shows it."""
        self._progress.take(event)
        if isinstance(event, Note | ContenderFailed):
            self._console.print(Text(one_line(describe(event)), style="yellow"))

    def picture(self) -> RenderableType:
        """What the screen shows now."""
        if self._progress.plan is None:
            return Text("")
        top = (self._header(), self._phases(), self._bar())
        return Group(*top, Text(""), self._grid(), Text(""), self._legend(), self._now())

    def _header(self) -> RenderableType:
        progress = self._progress
        row = Table.grid(expand=True)
        row.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        row.add_column(no_wrap=True, justify="right")
        title = _text("onbox ", "bold") + _text(progress.trial_name(), "dim")
        who = Text("")
        if progress.contender:
            who = _text(progress.contender.contender, "bold cyan") + _text(
                f"  {progress.contender.role}, {progress.contender.position} of {progress.contender.total}", "dim"
            )
        row.add_row(title, who)
        return row

    def _phases(self) -> RenderableType:
        line = Text(no_wrap=True, overflow="ellipsis")
        for phase in self._progress.phases:
            line.append(f"{one_line(phase.phase)} {formatting.seconds(phase.seconds)}  ", style="dim")
        if self._progress.phase:
            line.append(one_line(self._progress.phase), style="bold")
        return line

    def _bar(self) -> RenderableType:
        progress = self._progress
        elapsed = formatting.seconds(self._clock() - self._start)
        expected = progress.plan.expected_s if progress.plan else None
        row = Table.grid(expand=True, padding=(0, 2, 0, 0))
        row.add_column(ratio=1)
        row.add_column(no_wrap=True)
        row.add_column(no_wrap=True, justify="right")
        row.add_row(
            ProgressBar(max(progress.runs_total, 1), progress.runs_done, complete_style="cyan", finished_style="cyan"),
            Text(f"{formatting.of(progress.runs_done, progress.runs_total)} runs"),
            Text(f"{elapsed}, expected {_about(expected)}", style="dim"),
        )
        return row

    def _grid(self) -> RenderableType:
        progress = self._progress
        table = Table.grid(padding=(0, 3, 0, 0))
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=28)
        names = progress.plan.contenders if progress.plan else ()
        for _ in names:
            table.add_column(no_wrap=True, overflow="ellipsis")
        table.add_row(Text(""), *(_text(name, "bold") for name in names))
        at_a_time = len(progress.runs) if len(progress.runs) > 1 else 0
        lines = LINES_BESIDE_GRID + min(at_a_time, RUNS_SHOWN) + (at_a_time > RUNS_SHOWN)
        for task, arm in progress.rows(max(self._console.height - lines, 3)):
            several = progress.plan is not None and len(progress.plan.arms) > 1
            cells = (self._cell(progress.outcomes(name, task, arm)) for name in names)
            table.add_row(_text(f"{task} {arm}" if several else task), *cells)
        if progress.speeds:
            table.add_row(_text("decode", "dim"), *(self._speed(name) for name in names))
        return table

    def _legend(self) -> RenderableType:
        return Text("   ".join(f"{sign} {outcome}" for outcome, sign in self._signs.items()), style="dim")

    def _cell(self, outcomes: Iterable[str]) -> Text:
        line = Text()
        for outcome in outcomes:
            if outcome == "running":
                line.append("> ", style="bold cyan")
            else:
                line.append(f"{self._signs.get(outcome, '.')} ", style=STYLES.get(outcome, "dim"))
        return line

    def _speed(self, name: str) -> Text:
        speed = self._progress.speeds.get(name)
        if speed is None:
            return Text("")
        if speed.tok_s is None:
            return Text(formatting.NO_VALID_NUMBER, style="red")
        return Text(formatting.tok_s(speed.tok_s)) + _text(f" {speed.status}", STYLES.get(speed.status, "red"))

    def _now(self) -> RenderableType:
        progress = self._progress
        runs = list(progress.runs.values())
        line = Text(no_wrap=True, overflow="ellipsis")
        if progress.fetching:
            if progress.fetching.source == "hashing":
                line.append(_hashing(progress.fetching), style="bold")
            else:
                line.append(f"fetching {one_line(progress.fetching.name)} from {one_line(progress.fetching.source)}: ")
                line.append(_bytes_of(progress.fetching), style="bold")
        elif progress.measuring:
            line.append(one_line(_measuring(progress.measuring)))
        elif len(runs) == 1:
            line.append(self._run(runs[0]))
        elif runs:
            line.append(f"{len(runs)} runs at a time")
        if progress.tokens:
            rate = formatting.tok_s(progress.tokens.tok_s_now)
            line.append(f"  {rate} now, {formatting.count(progress.tokens.total, 'token')}", style="cyan")
        if len(runs) < 2 or progress.fetching:
            return line
        lines = [Text(f"  {self._run(run)}", no_wrap=True, overflow="ellipsis") for run in runs[:RUNS_SHOWN]]
        if len(runs) > RUNS_SHOWN:
            lines.append(Text(f"  and {len(runs) - RUNS_SHOWN} more"))
        return Group(line, *lines)

    def _run(self, run: RunStarted) -> str:
        plan = self._progress.plan
        arm = f" ({one_line(run.arm)})" if plan is not None and len(plan.arms) > 1 else ""
        return f"{one_line(run.task)}{arm}, run {run.n} of {run.total}"


def _text(text: str, style: str = "") -> Text:
    return Text(one_line(text), style=style)
