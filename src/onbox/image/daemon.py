"""The clients of containers as far as images need them: what the daemon is set to, what it holds, load and save."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from onbox.errors import BoxError

PROGRAMS = ("docker", "podman")
ANSWER_S = 15.0
ZSTD_SINCE = 23
"""The first docker whose classic store unpacks layers of zstd."""
BUILDKIT_SINCE = 23
"""The first docker whose `build` is BuildKit by default."""


@dataclass(frozen=True)
class LocalImage:
    """An image that is here."""

    id: str
    architecture: str
    size_bytes: int
    digests: tuple[str, ...]
    names: tuple[str, ...]
    labels: dict[str, str]
    variables: dict[str, str]
    created: str = ""


class Daemon:
    """docker, or podman, which has no daemon.

    Args:
        program: `docker` or `podman`.
    """

    def __init__(self, program: str) -> None:
        self.program = program

    def need(self) -> None:
        """Go on where it answers.

        Raises:
            BoxError: it is not installed, or does not answer; what it said is quoted.
        """
        if shutil.which(self.program) is None:
            raise BoxError(f"{self.program}: not installed", f"install {self.program}, or name the other with --with")
        code, _, said = self._run("version")
        if code:
            raise BoxError(f"{self.program}: does not answer: {_last_line(said)}", _start_hint(self.program, said))

    def answers(self) -> bool:
        """Whether it is there."""
        return shutil.which(self.program) is not None and self._run("version")[0] == 0

    @cached_property
    def info(self) -> dict[str, Any]:
        """What it tells of itself, as its own JSON; empty where it does not answer."""
        words = ("info", "--format", "json") if self.program == "podman" else ("info", "--format", "{{json .}}")
        code, out, _ = self._run(*words)
        try:
            told = json.loads(out) if code == 0 else {}
        except ValueError:
            return {}
        return told if isinstance(told, dict) else {}

    @property
    def version(self) -> str:
        """Of the daemon; empty where it does not tell."""
        if self.program == "podman":
            return str((self.info.get("version") or {}).get("Version") or "")
        return str(self.info.get("ServerVersion") or "")

    @property
    def major(self) -> int | None:
        """Of the version; None where it does not tell."""
        first = self.version.partition(".")[0]
        return int(first) if first.isdigit() else None

    @property
    def keeps_digests(self) -> bool:
        """Whether its store is containerd's, which keeps the manifests of what is loaded."""
        return any("containerd" in str(value) for _, value in self.info.get("DriverStatus") or [])

    @property
    def unpacks_zstd(self) -> bool:
        """Whether it takes layers of zstd."""
        return self.program == "podman" or self.keeps_digests or (self.major or 0) >= ZSTD_SINCE

    @property
    def folder(self) -> Path | None:
        """Where it keeps images, if that is on this box."""
        told = (
            (self.info.get("store") or {}).get("graphRoot")
            if self.program == "podman"
            else self.info.get("DockerRootDir")
        )
        return Path(told) if told and Path(told).is_dir() else None

    def image(self, name: str) -> LocalImage | None:
        """An image by its name or id; None where it is not here."""
        code, out, _ = self._run("image", "inspect", name)
        try:
            told: dict[str, Any] = json.loads(out)[0] if code == 0 else {}
        except (ValueError, IndexError):
            return None
        if not told:
            return None
        config = told.get("Config") or {}
        return LocalImage(
            id=_with_algorithm(str(told.get("Id", ""))),
            architecture=str(told.get("Architecture", "")),
            size_bytes=int(told.get("Size") or 0),
            digests=tuple(str(each).rpartition("@")[2] for each in told.get("RepoDigests") or []),
            names=tuple(map(str, told.get("RepoTags") or [])),
            labels={str(key): str(value) for key, value in (config.get("Labels") or {}).items()},
            variables=dict(each.split("=", 1) for each in config.get("Env") or [] if "=" in each),
            created=str(told.get("Created") or ""),
        )

    def names(self, label: str = "") -> tuple[str, ...]:
        """Of all images, or of those with a label."""
        words = ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]
        code, out, _ = self._run(*words, *(["--filter", f"label={label}"] if label else []))
        return tuple(line.strip() for line in out.splitlines() if line.strip()) if code == 0 else ()

    def tag(self, image_id: str, name: str) -> None:
        """Give an image one more name.

        Raises:
            BoxError: it refuses.
        """
        self.ask("tag", image_id, name)

    def ask(self, *words: str, timeout_s: float = ANSWER_S) -> str:
        """Run the client; what it printed.

        Raises:
            BoxError: it failed; its last line is quoted.
        """
        code, out, said = self._run(*words, timeout_s=timeout_s)
        if code:
            raise BoxError(f"{self.program} {words[0]}: {_last_line(said)}", "")
        return out.strip()

    def _run(self, *words: str, timeout_s: float = ANSWER_S) -> tuple[int, str, str]:
        try:
            done = subprocess.run(
                [self.program, *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired:
            return 124, "", f"no answer after {timeout_s:.0f} s"
        except OSError as error:
            return 127, "", str(error.strerror or error)
        return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


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
    here = [each for each in PROGRAMS if shutil.which(each)]
    if here:
        Daemon(here[0]).need()
    raise BoxError("no docker and no podman on this box", "install one of them, or --no-load to keep the archive only")


def _with_algorithm(image_id: str) -> str:
    return image_id if ":" in image_id or not image_id else f"sha256:{image_id}"


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1][:240] if lines else "it said nothing"


def _start_hint(program: str, said: str) -> str:
    if "permission denied" in said.lower():
        return "join the group docker (log in again afterwards), or run it as root"
    return "systemctl start docker" if program == "docker" else "podman version tells more"
