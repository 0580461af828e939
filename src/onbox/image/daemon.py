"""docker or podman as far as images need more of it: what its store is and can, where it lies, what it names."""

import json
import os
import shutil
from functools import cached_property
from pathlib import Path
from typing import Any

from onbox.errors import BoxError
from onbox.launch.containers import PROGRAMS, ContainerClient, ImageInfo

BUILDKIT_SINCE = 23
"""The first docker whose `build` is BuildKit by default."""
ZSTD_SINCE = 23
"""The first docker whose classic store unpacks layers of zstd."""


class Daemon(ContainerClient):
    """docker with its daemon, or podman, which has none.

    Args:
        program: `docker` or `podman`.
    """

    def need(self) -> None:
        """Do nothing where it answers.

        Raises:
            BoxError: it is not installed, or does not answer; what it printed is quoted.
        """
        done = self.call("version")
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it printed nothing"]
            raise BoxError(f"{self.program}: does not answer: {lines[-1][:240]}", _start_hint(self.program, lines[-1]))

    @cached_property
    def info(self) -> dict[str, Any]:
        """What it tells of itself, as its own JSON; empty where it does not answer."""
        try:
            answer = json.loads(self.ask("info", "--format", "json" if self.is_podman else "{{json .}}"))
        except (BoxError, ValueError):
            return {}
        return answer if isinstance(answer, dict) else {}

    @property
    def version(self) -> str:
        """Of the daemon; empty where it does not tell."""
        if self.is_podman:
            return str((self.info.get("version") or {}).get("Version") or "")
        return str(self.info.get("ServerVersion") or "")

    @property
    def major(self) -> int | None:
        """Of the version; None where it does not tell."""
        first = self.version.partition(".")[0]
        return int(first) if first.isdigit() else None

    @property
    def is_podman(self) -> bool:
        """Whether there is no daemon behind it."""
        return Path(self.program).name == "podman"

    @property
    def uses_buildkit(self) -> bool:
        """Whether `docker build` is BuildKit here."""
        named = os.environ.get("DOCKER_BUILDKIT", "")
        return not self.is_podman and (named not in ("0", "") or (not named and (self.major or 0) >= BUILDKIT_SINCE))

    @property
    def keeps_manifests(self) -> bool:
        """Whether its store is containerd's, which keeps the manifests of what is loaded."""
        return any("containerd" in str(value) for _, value in self.info.get("DriverStatus") or [])

    @property
    def unpacks_zstd(self) -> bool:
        """Whether it takes layers of zstd."""
        return self.is_podman or self.keeps_manifests or (self.major or 0) >= ZSTD_SINCE

    @property
    def folder(self) -> Path | None:
        """Where it keeps images, if that is on this box."""
        path = (self.info.get("store") or {}).get("graphRoot") if self.is_podman else self.info.get("DockerRootDir")
        return Path(path) if path and Path(path).is_dir() else None


def id_of(image: ImageInfo) -> str:
    """The id with its algorithm, which podman leaves out."""
    return image.id if ":" in image.id else f"sha256:{image.id}"


def find_daemon(program: str = "") -> Daemon:
    """The daemon that was named, or the first that answers.

    Raises:
        BoxError: none answers.
    """
    if program:
        found = Daemon(program)
        found.need()
        return found
    for each in map(Daemon, PROGRAMS):
        if each.answers():
            return each
    for name in PROGRAMS:
        if shutil.which(name):
            Daemon(name).need()
    raise BoxError("no docker and no podman on this box", "install one of them; --no-load fetches without it")


def _start_hint(program: str, words: str) -> str:
    if "permission denied" in words.lower():
        return "join the group docker (log in again afterwards), or run it as root"
    return "systemctl start docker" if program == "docker" else "podman info"
