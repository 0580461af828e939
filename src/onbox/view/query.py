"""What a request asks for, read from its address; nothing in it is trusted."""

from collections.abc import Sequence

from onbox.errors import UsageError

NUMBER_MAX = 1_000_000_000


class Query:
    """The fields of a request's query.

    Args:
        fields: in their order; of several with one name the first counts.
    """

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self._fields = fields

    def text(self, name: str, default: str = "") -> str:
        """One field."""
        return next((value for key, value in self._fields if key == name), default)

    def texts(self, name: str) -> tuple[str, ...]:
        """Every field of a name."""
        return tuple(value for key, value in self._fields if key == name)

    def needed(self, name: str) -> str:
        """One field.

        Raises:
            UsageError: it is not there.
        """
        if not (value := self.text(name)):
            raise UsageError(f"the address lacks {name}", "go back to the list")
        return value

    def number(self, name: str, default: int = 0) -> int:
        """A whole number of 0 or more; the default where it is none."""
        value = self.text(name)
        return min(int(value), NUMBER_MAX) if value.isascii() and value.isdecimal() and len(value) < 12 else default

    def share(self, name: str, default: float) -> float:
        """A finite number; the default where it is none."""
        try:
            value = float(self.text(name)[:40])
        except ValueError:
            return default
        return value if abs(value) < NUMBER_MAX else default
