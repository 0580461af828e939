"""Several contenders as one picture: the time of a run to the right, ability upwards, memory as the size of a dot."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from onbox.judge.intervals import Interval
from onbox.report.text import one_line

FIELD = 260
"""Pixels, the height of the scale from 0 to 100 percent."""
BELOW = 24
"""Pixels below it, for the times."""
DOT_MIN, DOT_MAX = 9, 22
"""Pixels, radius of a dot: as large as its memory, by area; the smallest where nobody saw it."""
NARROW = 340
"""Pixels, the width of the picture on a telephone: what does not overlap there overlaps nowhere."""
LETTERS_WIDE, LETTERS_HIGH = 17, 15
"""Pixels that a number needs."""
TICKS_MAX = 5
STEPS = (1, 2, 5)
UNITS = (("h", 3600), ("min", 60), ("s", 1))


@dataclass(frozen=True)
class Point:
    """A contender in the picture.

    Args:
        number: in the table beside it.
        name: of it.
        rate: its pass rate.
        seconds: of a run.
        interval: 95 percent, of its pass rate on these tasks; None: not known.
        memory_bytes: that it needs; None: nobody saw it.
        dominated: whether another is shown to be no worse in anything and better in something.
        incumbent: whether it is what the owner runs now.
    """

    number: int
    name: str
    rate: float
    seconds: float
    interval: Interval | None = None
    memory_bytes: int | None = None
    dominated: bool = False
    incumbent: bool = False

    @property
    def kind(self) -> str:
        """Its style classes."""
        kinds = {"dominated": self.dominated, "incumbent": self.incumbent, "unseen": self.memory_bytes is None}
        return " ".join(("point", *(name for name, so in kinds.items() if so)))


def draw(points: Sequence[Point], label: str) -> Markup:
    """The picture of them.

    Args:
        points: one at least takes time.
        label: the same in words.
    """
    ticks = ticks_of(max(each.seconds for each in points))
    top_s = ticks[-1][0]
    places = [(100 * each.seconds / top_s, _height(each.rate)) for each in points]
    parts = [*_rates(), *(_time(at, name, top_s) for at, name in ticks)]
    parts += [_interval(each, place) for each, place in zip(points, places, strict=True) if each.interval]
    largest = max((each.memory_bytes or 0 for each in points), default=0)
    # The smaller above the larger, and all numbers above all dots.
    for each, place in sorted(zip(points, places, strict=True), key=lambda both: -(both[0].memory_bytes or 0)):
        parts.append(_dot(each, place, largest))
    for each, place, number in zip(points, places, apart(places), strict=True):
        parts.append(_number(each, place, number))
    return Markup('<svg class="frontier" width="100%" height="{}" role="img" aria-label="{}">{}</svg>').format(
        FIELD + BELOW, one_line(label), Markup("").join(parts)
    )


def ticks_of(longest_s: float) -> list[tuple[float, str]]:
    """(seconds, name) of round times from 0 to beyond the longest, in equal steps of seconds, minutes or hours."""
    name, unit = next(((name, unit) for name, unit in UNITS if longest_s > 2.5 * unit), UNITS[-1])
    most, power = longest_s * 1.04 / unit, 1e-3
    while most > STEPS[-1] * power * TICKS_MAX:
        power *= 10
    step = next(each * power for each in STEPS if most <= each * power * TICKS_MAX)
    ticks = [round(step * n, 6) for n in range(int(most / step) + 2)]
    return [(tick * unit, f"{tick:g} {name}") for tick in ticks]


def apart(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where numbers stand so that none covers another on a telephone: those that would are moved up and down.

    Args:
        places: of the dots: percent of the width, pixels from the top.
    """
    found = [list(place) for place in places]
    for _ in range(60):
        moved = False
        for n, one in enumerate(found):
            for other in found[n + 1 :]:
                close = abs(one[0] - other[0]) * NARROW / 100 < LETTERS_WIDE
                lacking = LETTERS_HIGH - abs(one[1] - other[1])
                if close and lacking > 0.01:
                    upper, lower = (one, other) if one[1] <= other[1] else (other, one)
                    upper[1], lower[1], moved = upper[1] - lacking / 2, lower[1] + lacking / 2, True
        if not moved:
            break
    return [(at, round(height, 1)) for at, height in found]


def _rates() -> list[Markup]:
    return [
        Markup(
            '<line class="rail" x1="0" x2="100%" y1="{0}" y2="{0}"/>'
            '<text class="tick-name first" x="0" y="{1}">{2}</text>'
        ).format(height := _height(at / 100), height - 4, f"{at} %" if at < 100 else "100 % pass")
        for at in (0, 25, 50, 75, 100)
    ]


def _time(at_s: float, name: str, top_s: float) -> Markup:
    place = round(100 * at_s / top_s, 3)
    kind = "first" if not at_s else "last" if at_s == top_s else "inner"
    return Markup(
        '<line class="tick" x1="{0}%" x2="{0}%" y1="{1}" y2="{2}"/>'
        '<text class="tick-name {3}" x="{0}%" y="{4}">{5}</text>'
    ).format(place, FIELD, FIELD + 5, kind, FIELD + 19, name if at_s else f"{name} a run")


def _interval(point: Point, place: tuple[float, float]) -> Markup:
    low, high = point.interval or (point.rate, point.rate)
    return Markup('<line class="reach {0}" x1="{1}%" x2="{1}%" y1="{2}" y2="{3}"/>').format(
        point.kind, round(place[0], 3), _height(low), _height(high)
    )


def _dot(point: Point, place: tuple[float, float], largest: int) -> Markup:
    share = (point.memory_bytes or 0) / largest if largest else 0.0
    return Markup('<circle class="{}" cx="{}%" cy="{}" r="{}"><title>{}</title></circle>').format(
        point.kind, round(place[0], 3), place[1], max(DOT_MIN, round(DOT_MAX * share**0.5, 1)), one_line(point.name)
    )


def _number(point: Point, place: tuple[float, float], at: tuple[float, float]) -> Markup:
    """Its number, with a line to the dot where it had to move off it."""
    leader = Markup("")
    if abs(at[1] - place[1]) > DOT_MIN:
        leader = Markup('<line class="leader" x1="{0}%" x2="{0}%" y1="{1}" y2="{2}"/>').format(
            round(at[0], 3), at[1], place[1]
        )
    return leader + Markup('<text class="{} number" x="{}%" y="{}" dy=".35em">{}</text>').format(
        point.kind, round(at[0], 3), at[1], point.number
    )


def _height(rate: float) -> float:
    return round(FIELD * (1 - rate), 1)
