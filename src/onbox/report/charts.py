"""Small charts as inline SVG: horizontal places are percentages, so that they fill any width undistorted.

Colours come from the page's style sheet through `class`; every chart has a label that says the same in words.
"""

from collections.abc import Sequence
from statistics import median

from markupsafe import Markup

from onbox.evidence.records import Phase
from onbox.judge.results import Outcome
from onbox.report import formatting
from onbox.report.text import one_line

GLYPHS = {
    Outcome.PASSED: Markup('<path class="glyph" d="M5 10.5l3.2 3.2L15 6.8"/>'),
    Outcome.FAILED: Markup('<path class="glyph" d="M6 6l8 8M14 6l-8 8"/>'),
    Outcome.SERVING_FAILURE: Markup('<path class="glyph" d="M3.5 12l3-4 3.5 4 3.5-4 3 4"/>'),
    Outcome.INVALID: Markup('<path class="glyph" d="M4 16L16 4"/>'),
}
"""What an outcome is drawn as, on 20 by 20; the form alone tells them apart."""


LANE = 22
"""Pixels, the height of one lane of a timeline."""


def square(outcome: Outcome | None, label: str) -> Markup:
    """One run as a square of 20 by 20 pixels; None for a run that has not ended."""
    name = outcome.name.lower() if outcome else "open"
    return Markup(
        '<svg class="square o-{}" width="20" height="20" viewBox="0 0 20 20" role="img" aria-label="{}">'
        '<title>{}</title><rect x="1" y="1" width="18" height="18" rx="3.5"/>{}</svg>'
    ).format(name.replace("_", "-"), one_line(label), one_line(label), GLYPHS[outcome] if outcome else "")


def whisker(
    value: float | None,
    interval: tuple[float, float] | None,
    top: float,
    label: str,
    struck: bool,
    wider: tuple[float, float] | None = None,
) -> Markup:
    """A dot with its interval on a scale from 0 to `top`; struck through where the number is not to be used.

    Args:
        wider: a second interval, drawn as a thin line.
    """
    parts = [Markup('<line class="rail" x1="0" x2="100%" y1="50%" y2="50%"/>')]
    parts += [
        Markup('<line class="tick" x1="{0}%" x2="{0}%" y1="35%" y2="65%"/>').format(at) for at in (0, 25, 50, 75, 100)
    ]
    if wider is not None:
        parts.append(
            Markup('<line class="wider" x1="{}%" x2="{}%" y1="50%" y2="50%"/>').format(
                _place(wider[0], top), _place(wider[1], top)
            )
        )
    if interval is not None:
        low, high = _place(interval[0], top), _place(interval[1], top)
        parts.append(Markup('<line class="whisker" x1="{}%" x2="{}%" y1="50%" y2="50%"/>').format(low, high))
        parts += [Markup('<line class="cap" x1="{0}%" x2="{0}%" y1="28%" y2="72%"/>').format(at) for at in (low, high)]
    if value is not None:
        parts.append(Markup('<circle class="dot" cx="{}%" cy="50%" r="6"/>').format(_place(value, top)))
    return Markup('<svg class="dotline{}" width="100%" height="28" role="img" aria-label="{}">{}</svg>').format(
        " struck" if struck else "", one_line(label), Markup("").join(parts)
    )


def difference(value: float, interval: tuple[float, float], wider: tuple[float, float] | None, label: str) -> Markup:
    """A difference of two shares on a scale from -1 to 1, with a line at none."""

    def moved(pair: tuple[float, float] | None) -> tuple[float, float] | None:
        return None if pair is None else (pair[0] + 1, pair[1] + 1)

    inner = whisker(value + 1, moved(interval), 2.0, label, struck=False, wider=moved(wider))
    return Markup('<div class="zero">{}</div>').format(inner)


def strip(marks: Sequence[tuple[float, bool]], top: float, label: str) -> Markup:
    """One mark for each (value, filled) on a scale from 0 to `top`, and a bar at the one in the middle."""
    parts = [Markup('<line class="rail" x1="0" x2="100%" y1="50%" y2="50%"/>')]
    for value, filled in marks:
        kind = "filled" if filled else "hollow"
        parts.append(Markup('<circle class="mark-{}" cx="{}%" cy="50%" r="4"/>').format(kind, _place(value, top)))
    if marks:
        middle = _place(median(value for value, _ in marks), top)
        parts.append(Markup('<line class="middle" x1="{0}%" x2="{0}%" y1="12%" y2="88%"/>').format(middle))
    return Markup('<svg class="dotline strip" width="100%" height="28" role="img" aria-label="{}">{}</svg>').format(
        one_line(label), Markup("").join(parts)
    )


def timeline(phases: Sequence[Phase], longest_s: float, largest_bytes: int) -> Markup:
    """Phases one after the other, as wide as their share of `longest_s`; below each the most memory that was held.

    The second lane is as high as the share of `largest_bytes`, and left out where no phase knows its memory.
    """
    at, parts = 0.0, []
    for index, phase in enumerate(phases):
        place, width = round(at, 3), _place(phase.seconds, longest_s)
        caption = _phase_label(phase)
        parts.append(
            Markup('<rect class="phase p{}" x="{}%" width="{}%" y="0" height="{}"><title>{}</title></rect>').format(
                index % 6, place, width, LANE, caption
            )
        )
        if phase.peak_bytes:
            height = round(LANE * _place(phase.peak_bytes, largest_bytes) / 100, 1)
            parts.append(
                Markup('<rect class="held" x="{}%" width="{}%" y="{}" height="{}"><title>{}</title></rect>').format(
                    place, width, 2 * LANE - height, height, caption
                )
            )
        at += width
    lanes = 2 if any(phase.peak_bytes for phase in phases) else 1
    return Markup('<svg class="timeline" width="100%" height="{}" role="img" aria-label="{}">{}</svg>').format(
        lanes * LANE, ", ".join(map(_phase_label, phases)), Markup("").join(parts)
    )


def _phase_label(phase: Phase) -> str:
    held = f", {formatting.size(phase.peak_bytes)} held" if phase.peak_bytes else ""
    return f"{one_line(phase.name)} {formatting.seconds(phase.seconds)}{held}"


def _place(value: float, top: float) -> float:
    """Where `value` lies on a scale that ends at `top`, in percent."""
    return round(100 * min(max(value / top, 0), 1), 3) if top > 0 else 0.0
