"""A client of the OCI distribution protocol: manifests and blobs of one repository, with the tokens they need.

Specification: opencontainers/distribution-spec, and distribution/distribution `docs/spec/auth/token.md`.
"""

import hashlib
import ipaddress
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from onbox.errors import FetchError
from onbox.fetch.http import Answer, Client, connection_failed, host_of, in_time
from onbox.fetch.transfer import FRUITLESS_MAX, RETRY_AFTER_MAX_S, FinalRefusal
from onbox.image.credentials import Login
from onbox.image.reference import DOCKER_HUB, Reference
from onbox.untrusted_json import parse

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
MANIFESTS = (OCI_MANIFEST, DOCKER_MANIFEST)
INDEXES = (OCI_INDEX, DOCKER_LIST)
MANIFEST_BYTES_MAX = 8 << 20
"""The specification asks registries to take 4 MiB."""
TOKEN_BYTES_MAX = 1 << 20
TOKEN_S = 60.0
"""How long a token holds that does not tell."""
CERTIFICATES = ("/etc/docker/certs.d", "/etc/containers/certs.d")
_CHALLENGE = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


@dataclass(frozen=True)
class Manifest:
    """The bytes of a manifest or index, and the digest that names them."""

    raw: bytes
    media_type: str
    digest: str

    @property
    def data(self) -> dict[str, Any]:
        """The parsed JSON."""
        parsed: dict[str, Any] = parse(self.raw)
        return parsed


class Registry:
    """One repository of a registry, or of a mirror of it.

    Args:
        reference: names the repository.
        client: makes the requests.
        login: who is known there; None asks as nobody.
        mirror: URL of a registry that is asked in the place of the reference's own.
        insecure: plain HTTP is taken where TLS is not spoken; loopback addresses always may.
    """

    def __init__(
        self,
        reference: Reference,
        client: Client,
        login: Login | None = None,
        *,
        mirror: str = "",
        insecure: bool = False,
    ) -> None:
        self.reference = reference
        self._client = client
        self._login = login
        self._lock = threading.Lock()
        self._header = ""
        self._header_until = 0.0
        self._refused_tokens = 0
        if mirror:
            self._base = mirror.rstrip("/") if "://" in mirror else f"https://{mirror.rstrip('/')}"
        elif insecure or _is_loopback(reference.api_host):
            self._base = self._base_that_answers(reference.api_host)
        else:
            self._base = f"https://{reference.api_host}"

    @property
    def host(self) -> str:
        """Who is asked."""
        return host_of(self._base)

    def manifest(self, wanted: str) -> Manifest:
        """The manifest or index of a tag or digest; its bytes have been held against the digest.

        Raises:
            FetchError: refused, not there, or not what its digest says.
        """
        url = self._url("manifests", wanted)
        raw, response = self._small(url, MANIFEST_BYTES_MAX, {"Accept": ", ".join((*MANIFESTS, *INDEXES))})
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        expected = wanted if wanted.startswith("sha256:") else response.headers.get("Docker-Content-Digest", digest)
        if expected.startswith("sha256:") and expected != digest:
            raise FetchError(
                f"{self.reference}: wrong digest: the manifest has {digest}, not {expected}",
                "the registry, a mirror or a proxy on the way changes bytes",
            )
        return Manifest(raw, _media_type(raw, response, self.reference), digest)

    def open_blob(self, digest: str, offset: int = 0) -> urllib3.BaseHTTPResponse:
        """A blob from an offset on, its body not read yet; a status that may pass is left to the caller.

        Raises:
            Final: refused, or not there.
            FetchError: no connection.
        """
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        response = self._in_time(lambda: self._get(self._url("blobs", digest), headers))
        self._refuse(response, f"{self.reference}: blob {digest[:19]}")
        return response

    def blob(self, digest: str, size_max: int) -> bytes:
        """A small blob in memory, held against its digest.

        Raises:
            FetchError: refused, not there, too large, or not what its digest says.
        """
        raw, _ = self._small(self._url("blobs", digest), size_max, {})
        if f"sha256:{hashlib.sha256(raw).hexdigest()}" != digest:
            raise FetchError(f"{self.reference}: wrong digest: the bytes received for {digest[:19]} do not match it")
        return raw

    # ------------------------------------------------------------ requests

    def _url(self, kind: str, what: str) -> str:
        return f"{self._base}/v2/{self.reference.repository}/{kind}/{quote(what, safe=':')}"

    def _small(self, url: str, size_max: int, headers: Mapping[str, str]) -> tuple[bytes, urllib3.BaseHTTPResponse]:
        """A body that fits into memory, with retries for what may pass."""
        attempt = 0
        while True:
            attempt += 1
            wait_s: float | None = None
            try:
                raw, response = self._in_time(lambda: self._small_once(url, size_max, headers))
                if raw is not None:
                    return raw, response
                wait_s = retry_after(response)
                trouble = self._passing(response)
            except FinalRefusal:
                raise
            except FetchError as error:
                trouble = error
            if attempt >= FRUITLESS_MAX:
                raise FetchError(f"{trouble.message} ({attempt} attempts)", trouble.next_step)
            time.sleep(wait_s if wait_s is not None else min(0.05 * 2**attempt, 2.0))

    def _small_once(
        self, url: str, size_max: int, headers: Mapping[str, str]
    ) -> tuple[bytes | None, urllib3.BaseHTTPResponse]:
        """A body and its response; None for a status that may pass."""
        response = self._get(url, headers)
        try:
            self._refuse(response, str(self.reference))
            found = _read(response, size_max, str(self.reference)) if response.status == 200 else None
            return found, response
        finally:
            response.close()

    def _in_time(self, ask: Callable[[], Answer]) -> Answer:
        try:
            return in_time(ask)
        except TimeoutError as error:
            raise FinalRefusal(f"{self.reference}: {self.host}: {error}", "try later, or name a --mirror") from error

    def _get(self, url: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """A GET with the token that is known; a challenge is answered once."""
        response = self._client.get(url, {**headers, **self._authorization()})
        if response.status != 401 or not (challenge := response.headers.get("WWW-Authenticate")):
            return response
        response.close()
        self._answer(challenge)
        return self._client.get(url, {**headers, **self._authorization()})

    def _authorization(self) -> dict[str, str]:
        with self._lock:
            return {"Authorization": self._header} if self._header and time.monotonic() < self._header_until else {}

    def _answer(self, challenge: str) -> None:
        """Have the header that a challenge asks for."""
        scheme, _, rest = challenge.partition(" ")
        fields = {
            match[1].lower(): match[2] if match[2] is not None else match[3] for match in _CHALLENGE.finditer(rest)
        }
        if scheme.lower() == "basic":
            if self._login is None or not self._login.user:
                raise self._no_login()
            header, until = self._login.basic, float("inf")
        elif scheme.lower() == "bearer" and fields.get("realm"):
            header, until = self._token(fields)
        else:
            raise FinalRefusal(f"{self.host}: requires a login of the kind {scheme[:40]}, which is not known")
        with self._lock:
            self._header, self._header_until = header, until

    def _token(self, fields: dict[str, str]) -> tuple[str, float]:
        """(header, until when it holds), from the realm that the registry names."""
        realm = urljoin(self._base, fields["realm"])
        if self._login and urlsplit(realm).scheme != "https" and urlsplit(self._base).scheme == "https":
            raise FinalRefusal(
                f"{self.host}: wants the login sent to {host_of(realm)} without TLS, which onbox does not do"
            )
        scope = fields.get("scope") or f"repository:{self.reference.repository}:pull"
        query = {"service": fields["service"]} if fields.get("service") else {}
        if self._login and self._login.identity_token:
            form = {"grant_type": "refresh_token", "client_id": "onbox", "scope": scope, **query,
                    "refresh_token": self._login.identity_token}  # fmt: skip
            response = self._client.post(realm, form)
        else:
            headers = {"Authorization": self._login.basic} if self._login else {}
            separator = "&" if urlsplit(realm).query else "?"
            response = self._client.get(f"{realm}{separator}{urlencode({**query, 'scope': scope})}", headers)
        try:
            if response.status in (400, 401, 403):
                raise (
                    self._no_login()
                    if self._login is None
                    else FinalRefusal(
                        f"{host_of(realm)}: refuses the login of {self._login.user or 'the token'}",
                        f"docker login {self.reference.host}",
                    )
                )
            if response.status != 200:
                raise FetchError(f"{host_of(realm)}: status {response.status} instead of a token")
            answer = parse(_read(response, TOKEN_BYTES_MAX, host_of(realm)))
            token = str(answer.get("token") or answer.get("access_token") or "")
            holds_s = float(answer.get("expires_in") or TOKEN_S)
        except (ValueError, AttributeError, TypeError) as error:
            raise FetchError(f"{host_of(realm)}: sent no token") from error
        finally:
            response.close()
        if not token or not token.isascii() or any(char.isspace() for char in token):
            raise FetchError(f"{host_of(realm)}: sent no token")
        return f"Bearer {token}", time.monotonic() + max(holds_s - 5.0, 1.0)

    # ------------------------------------------------------------ refusals

    def _refuse(self, response: urllib3.BaseHTTPResponse, what: str) -> None:
        """Raise for a status that trying again does not change; the body's own words are quoted."""
        if response.status in (200, 206, 416, 429) or response.status >= 500:
            return
        words = _words_of(response)
        response.close()
        host = self.reference.host
        if response.status == 401:
            raise self._no_login(words)
        if response.status == 403:
            hint = f"docker login {host} as someone who may read it"
            raise FinalRefusal(f"{what}: {self.host} refuses it{words}", hint)
        if response.status == 404:
            hint = "check name and tag; a private image needs `docker login` first"
            raise FinalRefusal(f"{what}: not found at {self.host}{words}", hint)
        raise FinalRefusal(f"{what}: {self.host} answers with status {response.status}{words}")

    def _passing(self, response: urllib3.BaseHTTPResponse) -> FetchError:
        if response.status == 429:
            hint = f"docker login {self.reference.host} raises the limit; or wait, or name a --mirror"
            return FetchError(f"{self.reference}: {self.host} allows no more requests now (status 429)", hint)
        return FetchError(
            f"{self.reference}: {self.host} has an internal error (status {response.status})", "try later"
        )

    def _no_login(self, words: str = "") -> FinalRefusal:
        host = self.reference.host
        command = "docker login" if host == DOCKER_HUB else f"docker login {host}"
        return FinalRefusal(f"{self.reference}: {self.host} wants a login, or has no such image{words}", command)

    def _base_that_answers(self, host: str) -> str:
        """TLS where it is spoken, else plain HTTP; only for hosts where that is allowed."""
        try:
            in_time(lambda: self._client.get(f"https://{host}/v2/")).close()
        except (FetchError, TimeoutError):
            return f"http://{host}"
        return f"https://{host}"


def authorities_of(host: str) -> tuple[Path, ...]:
    """Certificates that docker and podman trust for one registry."""
    folders = [Path(root) / host for root in (*CERTIFICATES, Path.home() / ".config/containers/certs.d")]
    return tuple(path for folder in folders if folder.is_dir() for path in sorted(folder.glob("*.crt")))


def retry_after(response: urllib3.BaseHTTPResponse) -> float | None:
    """Seconds that the server asks to wait, within reason; None where it asks for none."""
    try:
        return max(0.0, min(float(response.headers.get("Retry-After", "")), RETRY_AFTER_MAX_S))
    except ValueError:
        return None


def _media_type(raw: bytes, response: urllib3.BaseHTTPResponse, reference: Reference) -> str:
    try:
        data = parse(raw)
        version = data.get("schemaVersion")
    except (ValueError, AttributeError) as error:
        raise FetchError(f"{reference}: the answer is not a manifest", "is there a registry at that host?") from error
    kind = str(data.get("mediaType") or response.headers.get("Content-Type", "").partition(";")[0].strip())
    if version == 1 or kind not in (*MANIFESTS, *INDEXES):
        raise FetchError(f"{reference}: a manifest of the kind {kind or version!r} is not an image that can be loaded")
    return kind


def _read(response: urllib3.BaseHTTPResponse, size_max: int, what: str) -> bytes:
    try:
        raw = response.read(size_max + 1)
    except (HTTPError, OSError) as error:
        raise connection_failed(response.url or "", error) from error
    if len(raw) > size_max:
        raise FinalRefusal(f"{what}: more than {size_max:,} bytes instead of a small file")
    declared = response.headers.get("Content-Length", "")
    if declared.isdigit() and int(declared) != len(raw):
        raise FetchError(f"{what}: the connection ended after {len(raw):,} of {declared} bytes")
    return raw


def _words_of(response: urllib3.BaseHTTPResponse) -> str:
    """What a registry says about a refusal, as it prints it; empty where it says nothing that can be read."""
    try:
        error = parse(response.read(4096))["errors"][0]
        words = str(error.get("message") or error.get("code") or "")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, HTTPError, OSError):
        return ""
    printable = "".join(char for char in words if char.isprintable())
    return f": {printable[:120]}" if printable else ""


def _is_loopback(host: str) -> bool:
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
