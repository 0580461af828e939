"""Numbers as people read them, one way in every room: each function returns text with its unit.

Memory that must fit (reserves, plans, what weights hold) stands in GiB, what is moved or read in powers of 1000. A
value that is None was not observed; that is what the text says, and it is never shown as 0.
"""

import math
from collections.abc import Sequence
from decimal import Decimal

UNKNOWN = "unknown"
NOT_MEASURED = "not measured"
FACTOR_MAX = 1000


def number(value: float | None, digits: int = 3) -> str:
    """`value` with so many significant digits, never in scientific notation; thousands are set apart by commas."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "0"
    rounded = Decimal(f"{value:.{digits - 1}e}")
    places = max(0, digits - 1 - rounded.adjusted())
    return f"{rounded:,.{places}f}"


def factor(times: float) -> str:
    """How many times as much: two digits, or three where two would hide on which side of 1 it is (`1.04`).

    Beyond a thousand, either way, a few runs show no more than that: `over 1,000`, `under 0.001`.
    """
    if times > FACTOR_MAX:
        return f"over {FACTOR_MAX:,}"
    if times < 1 / FACTOR_MAX:
        return f"under {1 / FACTOR_MAX:g}"
    two = without_trailing_zeros(number(times, 2))
    return without_trailing_zeros(number(times)) if two == "1" else two


def without_trailing_zeros(text: str) -> str:
    """`2.50` becomes `2.5`, `2.0` becomes `2`; a number without a point stays."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def gib(count: float | None) -> str:
    """Bytes in GiB (2^30): `11.40 GiB`."""
    return UNKNOWN if count is None else f"{count / 2**30:,.2f} GiB"


def size(value: float | None) -> str:
    """A number of bytes in powers of 1000: `1.12 GB`."""
    if value is None:
        return UNKNOWN
    if value < 999.5:
        return f"{value:.0f} bytes"
    power = min(4, 1 + sum(value >= 999.5 * 1000**n for n in (1, 2, 3)))
    return f"{number(value / 1000**power)} {('kB', 'MB', 'GB', 'TB')[power - 1]}"


def byte_rate(value: float | None) -> str:
    """Bytes a second in powers of 1000: `3.40 MB/s`."""
    return UNKNOWN if value is None else f"{size(value)}/s"


def seconds(value: float | None) -> str:
    """A duration: `7 ms`, `0.42 s`, `42 s`, `3 min 20 s`, `1 h 05 min`."""
    if value is None:
        return NOT_MEASURED
    if value < 0.0995:
        return f"{max(1, round(value * 1000))} ms" if value else "0 s"
    if value < 0.995:
        return f"{without_trailing_zeros(number(value, 2))} s"
    if value < 99.5:
        return f"{value:.1f} s" if value < 9.95 else f"{value:.0f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s" if whole % 60 else f"{whole // 60} min"
    minutes = round(value / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def percent(share: float | None) -> str:
    """A share of 1 as whole percent: `67 %`; a share that is not 0 or 1 is never rounded to it."""
    if share is None:
        return NOT_MEASURED
    if 0 < share < 0.005:
        return "< 1 %"
    if 0.995 < share < 1:
        return "> 99 %"
    return f"{100 * share:.0f} %"


def plus_minus(relative: float | None) -> str:
    """An uncertainty as it stands behind a number: ` ± 4 %`; rounded up, and nothing where it is not known."""
    if relative is None:
        return ""
    shares = 100 * relative
    return f" ± {math.ceil(10 * shares) / 10:.1f} %" if shares <= 1 else f" ± {math.ceil(shares):.0f} %"


def p_value(value: float | None) -> str:
    """A probability of chance: `p = 0.043`, `p < 0.001`, or that it is unknown."""
    if value is None:
        return f"p {UNKNOWN}"
    if value < 0.001:
        return "p < 0.001"
    return f"p = {value:.3f}" if value < 0.1 else f"p = {value:.2f}"


def count(value: int | None, one: str, many: str = "") -> str:
    """A number of things: `1 run`, `12 runs`, `1,200 tokens`."""
    if value is None:
        return UNKNOWN
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def several(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
