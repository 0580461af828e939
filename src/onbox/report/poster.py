"""The verdict as one picture that stands alone: an SVG for a README or a forum, without script, font or link."""

from collections.abc import Iterator
from html import escape

from onbox.judge.results import ContenderResult, Verdict
from onbox.report import formatting
from onbox.report.text import one_line
from onbox.schema.units import p_value

WIDTH = 880
LEFT, RAIL, RIGHT = 40, 300, 840
"""Where the text, the scale of the pass rates, and the picture's inside begin or end, in pixels."""
ROW = 64
SHOWN_MAX = 8
INK, MUTED, LINE, PAPER = "#1b1c20", "#5f636b", "#d9d9d3", "#fdfdfc"
COLOURS = ("#4a5568", "#2458d6", "#8a3ffc", "#0b7285")
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
HEADLINE_CHARACTERS = 78


def render(verdict: Verdict, seal: str = "") -> str:
    """The picture as text; every name and sentence in it is escaped."""
    title, headline = formatting.title_and_headline(verdict.verdict, verdict.headline)
    lines = _wrapped(headline)
    shown = verdict.contenders[:SHOWN_MAX]
    top = 116 + 24 * len(lines)
    height = top + ROW * len(shown) + 84
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" aria-label="{_text(verdict.headline)}" font-family="{FONT}">',
        f'<rect width="{WIDTH}" height="{height}" rx="12" fill="{PAPER}"/>',
        _words(LEFT, 72, title, 40, weight=680),
        *(_words(LEFT, 108 + 24 * n, line, 17) for n, line in enumerate(lines)),
        *(line for n, each in enumerate(shown) for line in _contender(each, n, top + ROW * n)),
        *_foot(verdict, height - 58, seal),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _contender(found: ContenderResult, n: int, y: int) -> Iterator[str]:
    colour, middle = COLOURS[n % len(COLOURS)], y + 32
    yield _words(LEFT, y + 26, _cut(found.name, 30), 16, weight=620)
    rate = formatting.NOT_MEASURED if found.speed is None else formatting.rate(found.speed)
    if found.speed is not None and formatting.of_kernels(found.speed):
        rate = formatting.NOT_PUBLISHED
    yield _words(LEFT, y + 46, rate, 13, MUTED)
    yield f'<line x1="{RAIL}" x2="{RIGHT - 180}" y1="{middle}" y2="{middle}" stroke="{LINE}"/>'
    if found.interval is not None:
        low, high = _place(found.interval[0]), _place(found.interval[1])
        yield (
            f'<line x1="{low}" x2="{high}" y1="{middle}" y2="{middle}" stroke="{colour}" stroke-width="4" '
            'stroke-opacity=".5"/>'
        )
    if found.pass_rate is not None:
        yield f'<circle cx="{_place(found.pass_rate)}" cy="{middle}" r="7" fill="{colour}"/>'
    passed = f"{formatting.percent(found.pass_rate)}  ({formatting.of(found.passed, found.valid)})"
    yield _words(RIGHT - 160, middle + 6, passed, 16, weight=620)


def _foot(verdict: Verdict, y: int, seal: str) -> Iterator[str]:
    lines = []
    if verdict.tasks is not None:
        lines.append(
            f"better on {verdict.tasks.better}, equal on {verdict.tasks.equal}, worse on {verdict.tasks.worse}"
        )
    lines.append(f"these tasks {p_value(verdict.fixed_suite.p)}, tasks like these {p_value(verdict.population.p)}")
    yield _words(LEFT, y, "; ".join(lines), 14, MUTED)
    shown = f"onbox, seal of the evidence {seal[:16]}…" if seal else "onbox"
    yield _words(LEFT, y + 26, f"{shown}; bars: 95 percent for these tasks", 12, MUTED)


def _place(share: float) -> float:
    return round(RAIL + (RIGHT - 180 - RAIL) * min(max(share, 0.0), 1.0), 1)


def _words(x: int, y: int, text: str, size: int, colour: str = INK, *, weight: int = 400) -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}">{_text(text)}</text>'


def _text(text: str) -> str:
    return escape(one_line(text))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _wrapped(text: str) -> list[str]:
    """At most three lines."""
    lines: list[str] = []
    left = one_line(text)
    while left and len(lines) < 3:
        at = len(left) if len(left) <= HEADLINE_CHARACTERS else left.rfind(" ", 0, HEADLINE_CHARACTERS) + 1
        at = at or HEADLINE_CHARACTERS
        lines.append(left[:at].rstrip())
        left = left[at:]
    if left:
        lines[-1] = f"{lines[-1]}…"
    return lines
