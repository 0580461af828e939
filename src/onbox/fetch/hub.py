"""The Hugging Face hub as a source: addresses and login are its own library's, the transfer is that of images."""

import importlib
import importlib.util
import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse

from onbox.errors import FetchError, install_extra
from onbox.fetch.http import Client
from onbox.fetch.transfer import Blob, FinalRefusal, watched_all
from onbox.schema.recipe.weights import HubSource
from onbox.weights.hub import hub_endpoint

REACH_S = 4.0


def bring(
    source: HubSource, folder: Path, target: Path, size_bytes: int, sha256: str, on_bytes: Callable[[int], None]
) -> str:
    """Fetch one file to `target`, gone on with where an earlier fetch was cut, and return its sha256.

    Raises:
        FetchError: the hub's library is not installed, the hub cannot be reached, has no such file, or another one.
    """
    if importlib.util.find_spec("huggingface_hub") is None:
        raise FetchError("huggingface_hub is not installed", install_extra("hub"))
    _reach()
    from huggingface_hub import constants

    client = Client()
    blob = Blob(
        name=f"{source.repo}/{source.file}",
        target=folder / "incoming" / "hub" / source.file,
        open=partial(open_file, client, source.repo, source.file, source.revision, constants.ENDPOINT),
        size_bytes=size_bytes,
        sha256=sha256,
    )
    try:
        watched_all([blob], lambda tally: on_bytes(tally.bytes_here))
    finally:
        client.close()
    blob.target.replace(target)
    return sha256


def open_file(
    client: Client, repository: str, name: str, revision: str | None, endpoint: str | None, offset: int
) -> BaseHTTPResponse:
    """One file of a repository, from an offset on, with the login that the hub's own library keeps.

    Raises:
        FetchError: there is no such file, or not for this login.
    """
    hub = importlib.import_module("huggingface_hub")
    url = hub.hf_hub_url(repository, name, revision=revision, endpoint=endpoint)
    headers = dict(hub.utils.build_hf_headers())
    response = client.get(url, {**headers, "Range": f"bytes={offset}-"} if offset else headers)
    if response.status in (401, 403, 404):
        response.close()
        raise FinalRefusal(f"{repository}/{name}: status {response.status}", "check the name, or `hf auth login`")
    return response


def _reach() -> None:
    """Fail at once where the library would retry for half a minute."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise FetchError("HF_HUB_OFFLINE is set")
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return
    parts = urlsplit(hub_endpoint() or constants.ENDPOINT)
    try:
        port = parts.port or (80 if parts.scheme == "http" else 443)
        socket.create_connection((parts.hostname or "", port), REACH_S).close()
    except OSError as error:
        raise FetchError(f"cannot be reached: {error.strerror or error}") from error
