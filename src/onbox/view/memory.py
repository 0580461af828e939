"""Memory over a stand-up: what the engine held and what was left on the box, as the watch recorded it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from pydantic import ValidationError

from onbox.errors import OnboxError
from onbox.evidence.records import MemoryLogLine
from onbox.report import formatting
from onbox.report.text import one_line
from onbox.view.tails import JsonTail
from onbox.watch.recording import WatchRecording
from onbox.watch.signs import Signs

SAMPLES_BYTES_MAX = 128_000_000
POINTS_MAX = 600
LOOKS_MAX = 1_000_000
HEIGHT = 160


@dataclass(frozen=True)
class MemoryPoint:
    """One look: seconds since the watch began, bytes that the engine held, bytes that were available."""

    t_s: float
    held_bytes: int
    available_bytes: int


@dataclass(frozen=True)
class MemoryHistory:
    """All looks of a stand-up."""

    points: tuple[MemoryPoint, ...]
    total_bytes: int
    problem: str = ""
    """Why there are no more; empty where nothing is wrong."""


def course(path: Path) -> MemoryHistory:
    """Read a `samples.jsonl`; nothing here raises for a damaged one."""
    points: list[MemoryPoint] = []
    total = 0
    try:
        if not path.is_file():
            return MemoryHistory((), 0)
        if path.stat().st_size > SAMPLES_BYTES_MAX:
            return MemoryHistory((), 0, "too large to be shown")
        signs = Signs()
        for sample in WatchRecording(path):
            signs.take(sample)
            if signs.machine is not None and sample.machine is not None:
                total = signs.machine.total_bytes
                points.append(MemoryPoint(signs.t_s, signs.held_bytes, signs.machine.available_bytes))
    except (OnboxError, OSError) as error:
        return MemoryHistory(tuple(points), total, str(error).rpartition("/")[2])
    except (TypeError, ValueError, AttributeError, IndexError, KeyError):
        return MemoryHistory(tuple(points), total, "the samples cannot be read any further")
    return MemoryHistory(tuple(points), total)


def engine_memory(path: Path, total_bytes: int) -> MemoryHistory:
    """Read a `memory.jsonl`, the guard's looks over the life of an engine; nothing here raises for a damaged one."""
    points: list[MemoryPoint] = []
    tail = JsonTail(path)
    while len(points) <= LOOKS_MAX and (found := list(tail.new())):
        for line in found:
            try:
                look = MemoryLogLine.model_validate(line)
            except ValidationError:
                continue
            held = (look.own_bytes or 0) + (look.gpu_bytes or 0)
            points.append(MemoryPoint(look.t_s, held, look.available_bytes))
    return MemoryHistory(tuple(points), max([total_bytes, *(p.available_bytes + p.held_bytes for p in points)]))


def chart(found: MemoryHistory, reserve_bytes: int | None) -> Markup:
    """Two lines over time, and the reserve that the guard keeps as a third, on the scale of the box's memory."""
    top = max(found.total_bytes, 1)
    end_s = max(found.points[-1].t_s, 0.001)
    held = _line(found.points, end_s, top, "held")
    left = _line(found.points, end_s, top, "available")
    parts = [
        Markup('<polyline class="m-held" points="{}"/>').format(held),
        Markup('<polyline class="m-left" points="{}"/>').format(left),
    ]
    if reserve_bytes:
        y = _height(reserve_bytes, top)
        parts.append(Markup('<line class="m-reserve" x1="0" x2="1000" y1="{0}" y2="{0}"/>').format(y))
    most, least = max(p.held_bytes for p in found.points), min(p.available_bytes for p in found.points)
    label = (
        f"over {formatting.seconds(end_s)}: at most {formatting.size(most)} held, at least {formatting.size(least)} of "
        f"{formatting.size(found.total_bytes)} available"
    )
    return Markup(
        '<svg class="memory" width="100%" height="{0}" viewBox="0 0 1000 {0}" preserveAspectRatio="none" role="img" '
        'aria-label="{1}"><title>{1}</title>{2}</svg>'
    ).format(HEIGHT, one_line(label), Markup("").join(parts))


def _line(points: Sequence[MemoryPoint], end_s: float, top: int, which: str) -> str:
    return " ".join(
        f"{1000 * t_s / end_s:.1f},{_height(held if which == 'held' else left, top)}"
        for t_s, held, left in _thinned(points)
    )


def _thinned(points: Sequence[MemoryPoint]) -> Iterator[tuple[float, int, int]]:
    """Of points that lie too close, the most that was held and the least that was left."""
    step = max(1, -(-len(points) // POINTS_MAX))
    for begin in range(0, len(points), step):
        part = points[begin : begin + step]
        yield part[0].t_s, max(p.held_bytes for p in part), min(p.available_bytes for p in part)


def _height(value: int, top: int) -> float:
    return round(HEIGHT - 1 - (HEIGHT - 2) * min(1.0, max(0, value) / top), 1)
