"""Numbers as people read them."""

from onbox.schema.units import UNKNOWN


def billions(count: int) -> str:
    """Parameters."""
    return f"{count / 1e9:,.2f} B" if count >= 1e8 else f"{count / 1e6:,.1f} M"


def with_unit(value: float | None, unit: str, digits: int = 1) -> str:
    """A value with its unit, or `unknown`."""
    return UNKNOWN if value is None else f"{value:,.{digits}f} {unit}"


def yes_no(value: bool | None) -> str:
    """Three answers."""
    return UNKNOWN if value is None else "yes" if value else "no"
