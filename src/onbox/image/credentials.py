"""Who a registry knows the owner as: what `docker login` and `podman login` left behind, helpers included."""

import base64
import binascii
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onbox.errors import BoxError
from onbox.image.reference import DOCKER_HUB

HELPER_S = 20.0
HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", DOCKER_HUB)
TOKEN_USER = "<token>"
"""What a helper puts in the place of the user where the secret is an identity token."""


@dataclass(frozen=True)
class Login:
    """A user and password, or an identity token that tokens are had for."""

    user: str
    secret: str
    identity_token: str = ""

    def __repr__(self) -> str:
        return f"Login({self.user!r})"

    @property
    def basic(self) -> str:
        """The value of an Authorization header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()


def login_for(host: str) -> Login | None:
    """The login for a registry's host; None where nobody logged in.

    Raises:
        BoxError: a credential helper is named and does not work.
    """
    names = HUB_KEYS if host == DOCKER_HUB else (host, f"https://{host}", f"http://{host}", f"https://{host}/v1/")
    for path in _files():
        config = _read(path)
        helpers, auths = _table(config, "credHelpers"), _table(config, "auths")
        for name in names:
            if helper := helpers.get(name):
                return _ask(str(helper), name)
        if (store := config.get("credsStore")) and (found := _from_store(str(store), names)):
            return found
        for name in names:
            if isinstance(entry := auths.get(name), dict) and (login := _decoded(entry)):
                return login
    return None


def _from_store(store: str, names: tuple[str, ...]) -> Login | None:
    for name in names:
        if login := _ask(store, name):
            return login
    return None


def _files() -> Iterator[Path]:
    """The configurations of docker and podman, that which is named by the environment first."""
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
    yield docker_config()
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "containers" / "auth.json"
    yield Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "containers" / "auth.json"


def docker_config() -> Path:
    """The configuration of docker's client."""
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _table(config: dict[str, Any], key: str) -> dict[str, Any]:
    found = config.get(key)
    return found if isinstance(found, dict) else {}


def _decoded(entry: dict[str, Any]) -> Login | None:
    token = str(entry.get("identitytoken") or "")
    try:
        user, _, secret = base64.b64decode(str(entry.get("auth") or ""), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    secret = secret.rstrip("\0")
    return Login(user, secret, token) if token or (user and secret) else None


def _ask(helper: str, name: str) -> Login | None:
    """What `docker-credential-HELPER get` knows of a host."""
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run([program, "get"], input=name.encode(), capture_output=True, timeout=HELPER_S, check=False)
    except FileNotFoundError as error:
        raise BoxError(
            f"{docker_config()}: names {program}, which is not installed", "install it, or docker login"
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BoxError(f"{program}: no answer for {name}: {error}", "docker login") from error
    if done.returncode != 0:
        return None
    try:
        answer = json.loads(done.stdout)
        user, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, KeyError, TypeError):
        return None
    if user == TOKEN_USER:
        return Login("", "", secret)
    return Login(user, secret) if user and secret else None
