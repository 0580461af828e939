"""A repository of the Hugging Face hub as a store: sizes by one request, headers by range requests, no weights."""

import importlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from onbox.errors import BoxError, OnboxError, UsageError, install_extra
from onbox.weights.reader import Reader, check_range

TIMEOUT_S = 20.0
FIRST_BYTES = 256 << 10
"""Fetched with the first request for a file: most headers are shorter, so one request is enough."""
ATTEMPTS = 3


_SOURCE = re.compile(r"^hf:(?P<repository>[^/@\s]+/[^/@\s]+)(?:/(?P<file>[^@\s]+))?(?:@(?P<revision>\S+))?$")


@dataclass(frozen=True)
class HubRepository:
    """`hf:org/name[/file][@revision]`, taken apart."""

    repository: str
    file: str | None
    revision: str | None


def parse_hub_source(source: str) -> HubRepository:
    """Take a source on the hub apart.

    Raises:
        UsageError: it is not one.
    """
    match = _SOURCE.match(source)
    if match is None:
        raise UsageError(f"{source}: not a source on the hub", "write hf:org/name or hf:org/name@revision")
    return HubRepository(match["repository"], match["file"], match["revision"])


def hub_endpoint() -> str | None:
    """The hub that HF_ENDPOINT names; None for the usual one.

    Raises:
        UsageError: what it names is no URL.
    """
    named = os.environ.get("HF_ENDPOINT")
    if not named:
        return None
    try:
        parts = urlsplit(named)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise UsageError(f"HF_ENDPOINT: {named}: not a URL", "write https://HOST, or unset it")
    return named


class HubStore:
    """The files at the root of one revision.

    Args:
        repository: `org/name`.
        revision: branch, tag or commit; the main branch when None.

    Raises:
        BoxError: huggingface_hub is missing, or the hub cannot be reached.
        UsageError: no such repository, revision, or no access to it.
    """

    remote = True

    def __init__(self, repository: str, revision: str | None = None) -> None:
        self.label = f"hf:{repository}" + (f"@{revision}" if revision else "")
        self._hub = _huggingface_hub()
        self._repository = repository
        self.endpoint = hub_endpoint()
        api = self._hub.HfApi(endpoint=self.endpoint)
        with translated(self.label):
            info = api.model_info(repository, revision=revision, files_metadata=True, timeout=TIMEOUT_S)
        self.commit: str | None = info.sha
        self.files = tuple(info.siblings or ())
        """Every file, with size and sha256 as huggingface_hub tells them."""

    def sizes(self) -> dict[str, int]:
        return {each.rfilename: each.size for each in self.files if "/" not in each.rfilename and each.size is not None}

    def reader(self, name: str) -> Reader:
        url = self._hub.hf_hub_url(self._repository, name, revision=self.commit, endpoint=self.endpoint)
        return _RangeReader(f"{self.label}/{name}", url, self.sizes()[name], self._hub)


class _RangeReader:
    """One file by range requests; what the first one brought is kept."""

    def __init__(self, name: str, url: str, size_bytes: int, hub: Any) -> None:
        self.name = name
        self.size_bytes = size_bytes
        self._url = url
        self._hub = hub
        self._first = b""

    def read(self, offset: int, length: int) -> bytes:
        check_range(self, offset, length)
        if not self._first:
            self._first = self._get(0, min(FIRST_BYTES, self.size_bytes))
        held = self._first[offset : offset + length]
        if len(held) == length:
            return held
        return held + self._get(offset + len(held), length - len(held))

    def _get(self, offset: int, length: int) -> bytes:
        headers = {
            **self._hub.utils.build_hf_headers(),
            "Range": f"bytes={offset}-{offset + length - 1}",
            "Accept-Encoding": "identity",
        }
        for attempt in range(ATTEMPTS):
            try:
                with translated(self.name):
                    return self._stream(headers, length)
            except BoxError:
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _stream(self, headers: dict[str, str], length: int) -> bytes:
        """Read no more than was asked for: a server that ignores ranges would send the whole file."""
        client = self._hub.utils.get_session()
        data = bytearray()
        with client.stream("GET", self._url, headers=headers, timeout=TIMEOUT_S, follow_redirects=True) as response:
            if response.status_code >= 400:
                self._hub.utils.hf_raise_for_status(response)
            whole = response.status_code == 200 and "bytes=0-" in headers["Range"]
            if response.status_code != 206 and not whole:
                raise BoxError(f"{self.name}: the server does not support ranges (status {response.status_code})")
            for chunk in response.iter_bytes(64 << 10):
                data += chunk
                if len(data) >= length:
                    break
        if len(data) < length:
            raise BoxError(f"{self.name}: the server sent {len(data):,} of {length:,} bytes")
        return bytes(data[:length])


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn what huggingface_hub and its client raise into one line with a next step."""
    errors = importlib.import_module("huggingface_hub.errors")
    httpx = importlib.import_module("httpx")
    try:
        yield
    except OnboxError:
        raise
    except errors.GatedRepoError as error:
        raise UsageError(
            f"{what}: access is restricted", "accept its terms on the hub, then run `hf auth login`"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise UsageError(
            f"{what}: no such repository, or no access to it", "check the name, or `hf auth login`"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise UsageError(f"{what}: no such revision") from error
    except errors.HFValidationError as error:
        raise UsageError(f"{what}: not a repository name: {error}", "write hf:org/name") from error
    except (errors.OfflineModeIsEnabled, errors.HfHubHTTPError, httpx.HTTPError, OSError) as error:
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise BoxError(
            f"{what}: the Hugging Face hub cannot be reached: {reason}",
            "check the network and proxies, or name a local folder",
        ) from error
    except Exception as error:
        if "httpx" not in type(error).__module__ and "httpcore" not in type(error).__module__:
            raise
        raise BoxError(f"{what}: the Hugging Face hub cannot be reached: {error}", "check the network") from error


def _huggingface_hub() -> Any:
    try:
        return importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise BoxError("hf: sources need huggingface_hub, which is missing", install_extra("hub")) from error
