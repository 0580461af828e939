"""docker and podman by their own programs, each question with a limit of time."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from onbox.errors import BoxError, UsageError
from onbox.launch.containers.info import ContainerInfo, ImageInfo, container_of, image_of
from onbox.supervisor import container_end
from onbox.supervisor.settings import ContainerRef

PROGRAMS = ("docker", "podman")
ANSWER_S = 10.0
QUICK_S = 60.0
STOP_SLACK_S = 50.0
SAVE_ENDS_S = 30.0
"""From the end of an archive to the end of the program that wrote it."""
LAST_LINES = "200"
PACKAGES = {"docker": "docker.io"}
"""Program -> the Debian package that brings it, where that has another name."""


class ContainerClient:
    """docker or podman on this box.

    Args:
        program: `docker` or `podman`, or a path of one of them.
    """

    def __init__(self, program: str) -> None:
        self.program = program

    @property
    def installed(self) -> bool:
        return shutil.which(self.program) is not None

    def require(self) -> None:
        """Do nothing if the program is here.

        Raises:
            BoxError: it is not.
        """
        if not self.installed:
            raise BoxError(f"{self.program} is not installed", f"apt install {self._package}")

    def answers(self) -> bool:
        """Whether the daemon (for podman, the program) answers."""
        done = self._try("version")
        return done is not None and done.returncode == 0

    # ------------------------------------------------------------ plain calls

    def call(self, *words: str, stdin: bytes = b"", timeout_s: float = QUICK_S) -> "subprocess.CompletedProcess[bytes]":
        """Run the program to its end, whatever that is.

        Raises:
            BoxError: it is not installed, or does not answer in time.
        """
        self.require()
        try:
            return subprocess.run(
                [self.program, *words], input=stdin, capture_output=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired:
            pass
        except OSError as error:
            raise BoxError(f"{self.program}: {error.strerror}", f"{self.program} info") from error
        raise BoxError(f"{self.program} {words[0]}: no answer within {timeout_s:g} s", f"{self.program} info")

    def ask(self, *words: str, stdin: bytes = b"", timeout_s: float = QUICK_S) -> str:
        """Run the program; what it printed.

        Raises:
            BoxError: it failed; the message is its last line.
        """
        done = self.call(*words, stdin=stdin, timeout_s=timeout_s)
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it printed nothing"]
            raise BoxError(f"{self.program} {words[0]}: {lines[-1]}", f"{self.program} info")
        return done.stdout.decode(errors="replace").strip()

    # ------------------------------------------------------------ containers

    def container(self, name: str) -> ContainerInfo | None:
        """A container by its name or id; None when there is none, or nobody answers."""
        found = self._inspect("inspect", "--type", "container", name)
        return container_of(self.program, found[0]) if found else None

    def running(self) -> tuple[ContainerInfo, ...]:
        """All containers that run; none when nobody answers."""
        done = self._try("ps", "--quiet", "--no-trunc")
        names = done.stdout.decode("utf-8", "replace").split() if done is not None and done.returncode == 0 else []
        found = self._inspect("inspect", "--type", "container", *names) if names else []
        return tuple(container_of(self.program, each) for each in found)

    def main_pid(self, name: str) -> int | None:
        """The first process of a container, without starting a program where that can be avoided; None: it is gone."""
        return container_end.main_pid(ContainerRef(self.program, name))

    def start_command(self, name: str) -> tuple[str, ...]:
        """The command that starts a stopped container again."""
        return self.program, "start", name

    def stop(self, name: str, *, grace_s: int) -> bool:
        """Stop a container that may be started again; whether it stopped."""
        done = self._try("stop", "--time", str(grace_s), name, timeout_s=grace_s + STOP_SLACK_S)
        return done is not None and done.returncode == 0

    def remove(self, name: str) -> None:
        """Kill and remove a container at once; it may be gone already."""
        container_end.remove(ContainerRef(self.program, name))

    def follow_log(self, name: str) -> "subprocess.Popen[bytes]":
        """A process that prints what the container prints, its last lines first."""
        return subprocess.Popen(
            [self.program, "logs", "--follow", "--tail", LAST_LINES, name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )

    # ------------------------------------------------------------ images

    def image(self, reference: str) -> ImageInfo | None:
        """An image that is on this box; no registry is asked. None when it is not here, or nobody answers."""
        found = self._inspect("image", "inspect", reference)
        return image_of(found[0]) if found else None

    @contextmanager
    def saved(self, reference: str) -> Iterator[IO[bytes]]:
        """The archive of an image, as it is written; whatever happens inside, the program is gone afterwards.

        Raises:
            BoxError: it cannot save it; what it printed is quoted.
        """
        with (
            tempfile.TemporaryFile() as errors,
            subprocess.Popen([self.program, "save", reference], stdout=subprocess.PIPE, stderr=errors) as client,
        ):
            assert client.stdout is not None
            try:
                yield client.stdout
                # What follows the end of the archive is padding.
                while client.stdout.read(1 << 20):
                    pass
            except BaseException:
                client.kill()
                raise
            code = client.wait(SAVE_ENDS_S)
            errors.seek(0)
            lines = errors.read().decode("utf-8", "replace").strip().splitlines()
        if code:
            raise BoxError(f"{self.program} save {reference}: {lines[-1][:240] if lines else f'exit code {code}'}")

    # ------------------------------------------------------------ within

    @property
    def _package(self) -> str:
        return PACKAGES.get(self.program, self.program)

    def _try(self, *words: str, timeout_s: float = ANSWER_S) -> "subprocess.CompletedProcess[bytes] | None":
        try:
            return self.call(*words, timeout_s=timeout_s)
        except BoxError:
            return None

    def _inspect(self, *words: str) -> list[dict[str, Any]]:
        """The elements of what `inspect` prints; those that are there, where a name among several is gone by now."""
        done = self._try(*words)
        if done is None:
            return []
        try:
            found = json.loads(done.stdout)
        except ValueError:
            return []
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def installed_clients() -> tuple[ContainerClient, ...]:
    """Those of docker and podman whose program is here, docker first."""
    return tuple(client for client in map(ContainerClient, PROGRAMS) if client.installed)


def running_containers() -> tuple[ContainerInfo, ...]:
    """All containers that run on this box, those of docker first."""
    found: dict[str, ContainerInfo] = {}
    for client in installed_clients():
        for each in client.running():
            # A `docker` that is podman under another name tells of the same ones.
            found.setdefault(each.id, each)
    return tuple(found.values())


def find_container(name: str) -> ContainerInfo:
    """The running container of that name or id; its `pid` is a number.

    Raises:
        BoxError: neither docker nor podman is here.
        UsageError: no such container, or it does not run.
    """
    clients = installed_clients()
    if not clients:
        raise BoxError(f"{name}: neither docker nor podman is on this box", "install one, or watch by --pid")
    for client in clients:
        if (found := client.container(name)) is not None:
            if found.pid is None:
                raise UsageError(f"{name}: the container is not running: {found.status}")
            return found
    raise UsageError(f"{name}: no such container", f"{clients[0].program} ps lists those that run")
