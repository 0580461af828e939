"""The Hugging Face hub as a source: its own library fetches, resumes and verifies."""

import importlib.util
import os
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from onbox.errors import FetchError
from onbox.fetch.growth import watched
from onbox.fetch.hashing import sha256_of
from onbox.recipes.weights import HubSource

REACH_S = 4.0


def bring(source: HubSource, folder: Path, target: Path, on_bytes: Callable[[int], None]) -> str:
    """Fetch one file to `target` and return its sha256.

    Raises:
        FetchError: the hub's library is not installed, the hub cannot be reached, or has no such file.
    """
    if importlib.util.find_spec("huggingface_hub") is None:
        raise FetchError('huggingface_hub is not installed (pip install "onbox[hub]")')
    _reach()
    from huggingface_hub import hf_hub_download

    incoming = folder / "incoming" / "hub"
    incoming.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        with watched(incoming, on_bytes):
            path = hf_hub_download(source.repo, source.file, revision=source.revision, local_dir=incoming)
    except Exception as error:
        # The library raises its own, httpx's and requests' errors, by version; all mean the same here.
        what = str(error).partition("\n")[0][:200] or type(error).__name__
        raise FetchError(f"{source.repo}/{source.file}: {what}") from error
    Path(path).replace(target)
    return sha256_of(target)


def _reach() -> None:
    """Fail at once where the library would retry for half a minute."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise FetchError("HF_HUB_OFFLINE is set")
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return
    parts = urlsplit(constants.ENDPOINT)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 443), REACH_S).close()
    except OSError as error:
        raise FetchError(f"cannot be reached: {error.strerror or error}") from error
