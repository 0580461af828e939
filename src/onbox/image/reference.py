"""What a name of an image stands for, as docker reads it."""

import re
from dataclasses import dataclass

from onbox.errors import UsageError

DOCKER_HUB = "docker.io"
DOCKER_HUB_API = "registry-1.docker.io"
LATEST = "latest"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"^{_COMPONENT}(?:/{_COMPONENT})*$")
_HOST = re.compile(r"^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::\d{1,5})?$")
_TAG = re.compile(r"^\w[\w.-]{0,127}$", re.ASCII)
_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")


@dataclass(frozen=True)
class Reference:
    """Registry, repository, and the tag or digest in it.

    Args:
        host: with its port, as docker names it: `docker.io` for Docker's own.
        repository: with `library/` for Docker's official ones.
        tag: empty where only a digest is named.
        digest: `sha256:...` of the manifest; empty where none is named.
    """

    host: str
    repository: str
    tag: str
    digest: str = ""

    @property
    def api_host(self) -> str:
        """Where its registry answers."""
        return DOCKER_HUB_API if self.host == DOCKER_HUB else self.host

    @property
    def wanted(self) -> str:
        """What to ask the registry for: the digest, where there is one, as a tag beside it says nothing."""
        return self.digest or self.tag

    @property
    def name(self) -> str:
        """Without tag and digest, as docker prints it."""
        if self.host == DOCKER_HUB:
            return self.repository.removeprefix("library/")
        return f"{self.host}/{self.repository}"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}" + (f"@{self.digest}" if self.digest else "")

    @property
    def local_name(self) -> str:
        """A name with a tag by which the daemon may keep it: a digest becomes a tag of its own."""
        return f"{self.name}:{self.tag or 'sha256-' + self.digest.rpartition(':')[2][:16]}"


def parse(text: str) -> Reference:
    """Read a name like `ubuntu`, `ghcr.io/org/name:tag` or `host:5000/name@sha256:...`.

    Raises:
        UsageError: it is none.
    """
    given = text.removeprefix("docker://")
    rest, at, digest = given.partition("@")
    if at and not _DIGEST.match(digest):
        raise UsageError(f"{text}: {digest[:40] or 'nothing'} is not a digest", "write NAME@sha256: and 64 hex digits")
    first, slash, remainder = rest.partition("/")
    if slash and (any(char in first for char in ".:[") or first == "localhost" or first != first.lower()):
        host, path = first, remainder
    else:
        host, path = DOCKER_HUB, rest
    name, colon, tag = path.partition(":")
    if host in ("index.docker.io", DOCKER_HUB_API):
        host = DOCKER_HUB
    if host == DOCKER_HUB and "/" not in name:
        name = f"library/{name}"
    if not _HOST.match(host) or not _NAME.match(name):
        raise UsageError(f"{text}: not a name of an image", "write [HOST/]NAME[:TAG][@sha256:DIGEST], in small letters")
    if colon and not _TAG.match(tag):
        raise UsageError(f"{text}: {tag or 'nothing'} is not a tag", "letters, digits, _ . and -, at most 128")
    return Reference(host, name, tag or ("" if digest else LATEST), digest)
