"""A page on loopback over a folder of trials."""

from pathlib import Path
from typing import Protocol

from onbox.errors import BoxError, UsageError, install_extra

USUAL = Path("trials")
"""Where `onbox trial` puts them."""


class OpenView(Protocol):
    """A server of pages that listens already."""

    url: str
    """Opens it, with its token."""

    def serve(self) -> None:
        """Answer until interrupted."""
        ...


def open_view(folder: Path | str | None = None, *, port: int = 0) -> OpenView:
    """A server that listens on loopback; its `url` opens it, its `serve` answers until it is interrupted.

    Args:
        folder: of trials, or one trial; None for `trials` below the working folder.
        port: a free one if 0.

    Raises:
        UsageError: there is no such folder.
        BoxError: it cannot listen there, or what it needs is not installed.
    """
    if folder is None and not USUAL.is_dir():
        raise UsageError(f"{USUAL}: no such folder", "name a folder of trials, or one trial: onbox view DIR")
    try:
        from onbox.view.server import ViewServer
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn"):
            raise
        raise BoxError(f"onbox view needs {error.name}", install_extra("view")) from error
    return ViewServer(USUAL if folder is None else Path(folder), port)
