"""What `onbox watch` shows: a picture on a terminal, a line for each change in a pipe, JSON lines with --json.

What a process says is shown as text: never interpreted as markup, never let through as an escape sequence.
"""

import sys
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from onbox.app.watching import WatchFrame, default_reserve_bytes
from onbox.cli.ui.console import console as make_console
from onbox.cli.ui.console import print_json_line
from onbox.cli.ui.readers import reader_of_progress, reader_of_results
from onbox.launch.guard_replay import GuardReplay
from onbox.report.text import one_line
from onbox.schema.units import gib, seconds
from onbox.watch.classify import Assessment, WatchState, as_json
from onbox.watch.sign_phrases import rate

STYLES = {
    WatchState.PROGRESSING: "bold green",
    WatchState.DONE: "bold green",
    WatchState.SLOW: "bold yellow",
    WatchState.SUSPECT: "bold yellow",
    WatchState.STARVED: "bold magenta",
    WatchState.HUNG: "bold red",
    WatchState.DEAD: "bold red",
}
PRINT_EVERY_S = 30.0
BAR = 24


class WatchView(Protocol):
    """Shows frames; use it as a context manager."""

    def show(self, frame: WatchFrame) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def make_view(as_json: bool) -> WatchView:
    """JSON lines if they are wanted, else a picture for a terminal and lines for a pipe."""
    if as_json:
        return WatchJson()
    console = make_console()
    return LiveWatchView(console) if console.is_terminal else WatchLines(sys.stdout)


class WatchJson:
    """A JSON line for each tick on stdout; a command's own output on stderr."""

    def show(self, frame: WatchFrame) -> None:
        _echo(frame)
        line = as_json(frame.verdict)
        if frame.guard is not None:
            line["evidence"]["guard"] = frame.guard.as_json()
        print_json_line(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class WatchLines:
    """A line whenever state or phase change, and now and then in between; a command's own output on stderr."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._printed: tuple[WatchState, str] | None = None
        self._printed_s = 0.0
        self._guard: GuardReplay | None = None
        self._guard_printed = False
        self._version_printed = False

    def show(self, frame: WatchFrame) -> None:
        _echo(frame)
        verdict, self._guard = frame.verdict, frame.guard
        if self._guard is not None and self._guard.stop is not None:
            self._print_guard()
        if (note := verdict.evidence.get("version")) and not self._version_printed:
            self._version_printed = True
            self._line(f"  {one_line(note)}")
        now = (verdict.state, verdict.phase)
        if now == self._printed and verdict.t_s - self._printed_s < PRINT_EVERY_S:
            return
        self._printed, self._printed_s = now, verdict.t_s
        at = int(verdict.t_s)
        line = f"{at // 60:4d}:{at % 60:02d}  {verdict.phase}: {verdict.state}: {verdict.why}"
        self._line(one_line(line))

    def _line(self, text: str) -> None:
        with reader_of_results():
            print(text, file=self._out, flush=True)

    def _print_guard(self) -> None:
        """Once: when it would have acted, or in the end that it would not have."""
        if self._guard is not None and not self._guard_printed:
            self._guard_printed = True
            self._line(f"  guard: {one_line(self._guard.words())}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._print_guard()


class LiveWatchView:
    """One picture that changes in place: phases, verdict, what moves, memory as a bar, who says what, the last line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._frame: WatchFrame | None = None
        self._reserve: int | None = None
        self._live = Live(console=console, get_renderable=self.picture, refresh_per_second=4)

    def show(self, frame: WatchFrame) -> None:
        if frame.echo:
            for line in frame.lines:
                self._console.print(Text(one_line(line), style="dim"))
        self._frame = frame

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def picture(self) -> RenderableType:
        """What the screen shows now."""
        if self._frame is None:
            return Text("")
        frame, verdict = self._frame, self._frame.verdict
        rows = Table.grid(padding=(0, 2, 0, 0))
        rows.add_column(no_wrap=True, style="dim")
        rows.add_column(overflow="fold")
        rows.add_row("moving", _moving(verdict))
        total = verdict.evidence.get("total_bytes")
        if self._reserve is None and total:
            self._reserve = default_reserve_bytes(total) if frame.guard is None else frame.guard.limits.reserve_bytes
        if memory := _memory(verdict, self._reserve or 0):
            rows.add_row("memory", memory)
        if frame.guard is not None:
            rows.add_row("guard", _cut(frame.guard.words(), 196))
        if share := _share(verdict):
            rows.add_row("done", share)
        rows.add_row("still", f"{seconds(verdict.still_s)} of {seconds(verdict.patience_s)} patience")
        for each in verdict.witnesses:
            if each.since_s >= min(5.0, verdict.patience_s):
                rows.add_row("", _cut(f"{each.name} for {seconds(each.since_s)}: {each.detail}", 66))
        if version := verdict.evidence.get("version"):
            rows.add_row("version", _cut(version, 132))
        for note in verdict.evidence.get("cannot", ()):
            rows.add_row("unseen", _cut(note, 66))
        if last := verdict.evidence.get("last_line"):
            rows.add_row("log", _cut(last, 66))
        return Group(_header(frame), _laps(frame), _state(verdict), Text(""), rows)


def _header(frame: WatchFrame) -> RenderableType:
    row = Table.grid(expand=True)
    row.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    row.add_column(no_wrap=True, justify="right", min_width=8)
    row.add_row(
        Text("onbox watch ", style="bold") + Text(one_line(frame.title), style="dim"), seconds(frame.verdict.t_s)
    )
    return row


def _laps(frame: WatchFrame) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for lap in frame.laps:
        took = (frame.verdict.t_s if lap.ended_s is None else lap.ended_s) - lap.began_s
        line.append(f"{one_line(lap.name)} {seconds(took)}  ", style="bold" if lap.ended_s is None else "dim")
    return line


def _state(verdict: Assessment) -> Text:
    return Text(str(verdict.state), style=STYLES[verdict.state]).append(f"  {one_line(verdict.why)}", style="default")


def _moving(verdict: Assessment) -> Text:
    rates = [rate(name, value) for name, value in verdict.moving.items()]
    compilers = verdict.evidence.get("compilers")
    if compilers:
        rates.append(" ".join(compilers))
    return Text(_cut(", ".join(rates), 132)) if rates else Text("nothing", style="dim")


def _memory(verdict: Assessment, reserve: int) -> Text | None:
    """What the set holds, what others hold, what is free down to the reserve, and the reserve."""
    total, free = verdict.evidence.get("total_bytes"), verdict.evidence.get("available_bytes")
    if not total or free is None:
        return None
    held = min(verdict.evidence.get("held_bytes", 0), total - free)
    own = round(BAR * held / total)
    others = max(0, round(BAR * (total - free) / total) - own)
    kept = min(round(BAR * reserve / total), BAR - own - others)
    bar = Text("█" * own, style="cyan").append("▒" * others, style="dim")
    bar.append("·" * (BAR - own - others - kept), style="dim").append("!" * kept, style="yellow")
    return bar.append(f"  {gib(held)} held, {gib(free)} free, reserve {gib(reserve)}", style="default")


def _share(verdict: Assessment) -> Text | None:
    share = verdict.evidence.get("share")
    if share is None:
        return None
    done = round(BAR * share)
    eta = verdict.evidence.get("eta_s")
    text = f"  {share:.0%} of {_cut(verdict.evidence['share_of'], 24)}" + (f", {seconds(eta)} to go" if eta else "")
    return Text("█" * done, style="green").append("·" * (BAR - done), style="dim").append(text, style="default")


def _cut(text: str, limit: int) -> str:
    flat = one_line(text)
    return flat if len(flat) <= limit else f"{flat[: limit - 3]}..."


def _echo(frame: WatchFrame) -> None:
    if frame.echo:
        for line in frame.lines:
            with reader_of_progress(sys.stderr):
                print(one_line(line), file=sys.stderr, flush=True)
