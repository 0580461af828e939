"""The raw arrivals of one measured request as a strip: what each read of the socket brought, at its own time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from onbox.evidence.decode_rate import Sample, burst_starts, digest
from onbox.evidence.folder import TrialFolder, read_lines
from onbox.evidence.records import Exchange
from onbox.report import formatting
from onbox.report.text import one_line

REQUESTS_BYTES_MAX = 128_000_000
TICKS_MAX = 1500
"""In one picture: where more fall into the window, those that would touch are drawn as one."""
MILLISECOND_NS = 1_000_000
HEIGHT = 96
PURPOSES = {
    "cold": "cold: the first after the start",
    "warmup": "warm-up",
    "measured": "measured",
    "canary": "first question",
    "preflight": "preflight",
}


@dataclass(frozen=True)
class RequestLine:
    """One request in the list."""

    id: int
    purpose: str
    error: str


@dataclass(frozen=True)
class ArrivalStrip:
    """The arrivals of one request, and the window that is looked at, in milliseconds since the request."""

    id: int
    purpose: str
    sample: Sample
    stamps: tuple[tuple[float, int, int], ...]
    """(milliseconds, events with something visible, characters) of each read."""
    bursts: tuple[float, ...]
    """Milliseconds at which what came together began, as the judge counts it."""
    end_ms: float
    from_ms: float
    to_ms: float

    @property
    def width_ms(self) -> float:
        """Of the window."""
        return self.to_ms - self.from_ms

    def window(self, centre_share: float, scale: float) -> tuple[str, str]:
        """Another window as two fields: moved to this share of the present one, and so many times as wide."""
        width = min(self.end_ms, max(1.0, self.width_ms * scale))
        middle = self.from_ms + centre_share * self.width_ms
        begin = min(max(0.0, middle - width / 2), max(0.0, self.end_ms - width))
        return f"{begin:.3f}", f"{begin + width:.3f}"

    def inside(self) -> Iterator[tuple[float, int, int]]:
        """The reads of the window."""
        return (each for each in self.stamps if self.from_ms <= each[0] <= self.to_ms)


def requests(path: Path) -> Iterator[Exchange]:
    """The exchanges of a `requests.jsonl`, one at a time; none where it is too large to be shown."""
    if path.is_file() and path.stat().st_size <= REQUESTS_BYTES_MAX:
        for line in read_lines(path):
            yield Exchange.model_validate(line)


def strip_of(
    folder: TrialFolder, where: str, wanted: int, window: tuple[float, float]
) -> tuple[tuple[RequestLine, ...], ArrivalStrip | None]:
    """The requests of a measurement, and the arrivals of the one that is wanted.

    Args:
        folder: the trial's.
        where: the measurement's folder, relative to it.
        wanted: id of a request; another takes the first measured one.
        window: in milliseconds; an empty one takes all.
    """
    lines: list[RequestLine] = []
    chosen: Exchange | None = None
    for exchange in requests(folder.path / where / "requests.jsonl"):
        lines.append(RequestLine(exchange.id, exchange.purpose, exchange.error or ""))
        better = chosen is None or (chosen.id != wanted and chosen.purpose != "measured")
        if exchange.id == wanted or (better and (chosen is None or exchange.purpose == "measured")):
            chosen = exchange
    return tuple(lines), _strip(chosen, window) if chosen is not None else None


def _strip(exchange: Exchange, window: tuple[float, float]) -> ArrivalStrip:
    sample = digest(exchange)
    arrivals = sample.reply.arrivals
    visible = [arrival.t_ns for arrival in arrivals if arrival.visible]
    starts = burst_starts(visible, sample.tokens)
    last_ns = max([arrival.t_ns for arrival in arrivals] + [exchange.ended_ns or 0])
    end_ms = max(1.0, last_ns / MILLISECOND_NS)
    begin, end = max(0.0, window[0]), min(end_ms, window[1])
    if end - begin < 0.01:
        begin, end = 0.0, end_ms
    return ArrivalStrip(
        id=exchange.id,
        purpose=exchange.purpose,
        sample=sample,
        stamps=tuple((arrival.t_ns / MILLISECOND_NS, arrival.visible, arrival.characters) for arrival in arrivals),
        bursts=tuple(stamp / MILLISECOND_NS for stamp in starts),
        end_ms=end_ms,
        from_ms=begin,
        to_ms=end,
    )


def picture(strip: ArrivalStrip) -> Markup:
    """The window as SVG: a line for each read, higher the more it brought; below, where a burst begins."""
    found = list(strip.inside())
    most = max((characters for _, _, characters in strip.stamps), default=0) or 1
    parts = [_tick(place, visible, characters / most) for place, visible, characters in _joined(strip, found)]
    starts = [at for at in strip.bursts if strip.from_ms <= at <= strip.to_ms]
    step = max(1, len(starts) // TICKS_MAX)
    for at in starts[::step]:
        place = _place(strip, at)
        parts.append(Markup('<line class="a-burst" x1="{0}%" x2="{0}%" y1="{1}" y2="{2}"/>').format(place, 82, HEIGHT))
    label = (
        f"{formatting.count(len(found), 'read')} between {formatting.seconds(strip.from_ms / 1000)} and "
        f"{formatting.seconds(strip.to_ms / 1000)}, {formatting.count(len(starts), 'burst')}"
    )
    return Markup('<svg class="strip" width="100%" height="{}" role="img" aria-label="{}">{}</svg>').format(
        HEIGHT, one_line(label), Markup("").join(parts)
    )


def _joined(strip: ArrivalStrip, found: Sequence[tuple[float, int, int]]) -> Iterator[tuple[float, int, int]]:
    """Where there are too many, the largest of each place."""
    if len(found) <= TICKS_MAX:
        for at, visible, characters in found:
            yield _place(strip, at), visible, characters
        return
    places: dict[int, tuple[int, int]] = {}
    for at, visible, characters in found:
        place = round(_place(strip, at) * TICKS_MAX / 100)
        before = places.get(place, (0, 0))
        places[place] = (before[0] + visible, max(before[1], characters))
    for place, (visible, characters) in places.items():
        yield round(100 * place / TICKS_MAX, 3), visible, characters


def _tick(place: float, visible: int, share: float) -> Markup:
    height = round(14 + 54 * share, 1) if visible else 8
    kind = "a-seen" if visible else "a-hidden"
    return Markup('<line class="{}" x1="{}%" x2="{}%" y1="{}" y2="76"/>').format(kind, place, place, 76 - height)


def _place(strip: ArrivalStrip, at_ms: float) -> float:
    return round(100 * (at_ms - strip.from_ms) / max(strip.width_ms, 1e-9), 3)
