"""Numbers as people read them."""

from onbox.schema import units


def gib(count: float | None) -> str:
    """Bytes in GiB (2^30)."""
    return "unknown" if count is None else units.gib(count)


def gb(count: float | None) -> str:
    """Bytes in GB (10^9)."""
    return "unknown" if count is None else f"{count / 1e9:,.3f} GB"


def billions(count: int) -> str:
    """Parameters."""
    return f"{count / 1e9:,.2f} B" if count >= 1e8 else f"{count / 1e6:,.1f} M"


def number(value: float | None, unit: str, digits: int = 1) -> str:
    """A value with its unit, or `unknown`."""
    return "unknown" if value is None else f"{value:,.{digits}f} {unit}"


def yes_no(value: bool | None) -> str:
    """Three answers."""
    return "unknown" if value is None else "yes" if value else "no"
