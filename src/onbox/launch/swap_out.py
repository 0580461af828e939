"""The daily driver makes room: it is stopped, and running again at the end, also after a crash of onbox."""

import json
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from onbox.errors import BoxError, UsageError
from onbox.launch import started_engines
from onbox.launch.containers import PROGRAMS, ContainerClient, ContainerInfo, running_containers
from onbox.supervisor import SUPERVISOR

RESTORE = Path(SUPERVISOR).with_name("restore_on_exit.py")
GRACE_S = 10
"""That a container has to end by itself."""


class SwapOut:
    """Stops a named engine for the length of the body, or for as long as whoever `keep` was told of.

    Args:
        name: of something that `onbox up` started, or of a container of docker or podman that runs.

    Raises:
        UsageError: no engine of that name runs here, or nobody could start it again.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._ours = started_engines.find(name)
        if self._ours is not None and self._ours.state() in ("starting", "serving"):
            self.again: tuple[tuple[str, ...], ...] = (self._ours.started.again,)
        else:
            self._ours = None
            container = _container(name)
            self._client = ContainerClient(container.program)
            self.again = (self._client.start_command(container.name),)

    def __enter__(self) -> "SwapOut":
        command = [sys.executable, "-I", "-S", str(RESTORE), json.dumps(self.again)]
        self._restorer = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        if self._ours is not None:
            gone = started_engines.stop(self._ours).is_gone
            started_engines.put_away(self.name)
        else:
            gone = self._client.stop(self.name, grace_s=GRACE_S)
        if not gone:
            self._brought_back()
            raise BoxError(f"--replace {self.name}: it does not stop")
        return self

    def keep(self) -> None:
        """Somebody else brings it back: the supervisor of what replaced it.

        Raises:
            BoxError: the process that would bring it back else was ended.
        """
        assert self._restorer.stdin is not None
        try:
            self._restorer.stdin.write(b"kept\n")
            self._restorer.stdin.flush()
        except BrokenPipeError as error:
            raise BoxError(
                f"--replace {self.name}: the process that was to start it again was ended",
                f"{shlex.join(self.again[0])}, if it does not run",
            ) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._brought_back() and error is None:
            raise BoxError(f"--replace {self.name}: it could not be started again", shlex.join(self.again[0]))

    def _brought_back(self) -> bool:
        """Let the restorer pay, or, if somebody else does, go; whether all went well."""
        assert self._restorer.stdin is not None
        with suppress(BrokenPipeError):
            self._restorer.stdin.close()
        return self._restorer.wait() == 0


def _container(name: str) -> ContainerInfo:
    """The container of that name.

    Raises:
        UsageError: there is none, or stopping it would be its end.
    """
    found = next((each for each in running_containers() if each.name == name), None)
    if found is None:
        raise UsageError(
            f"--replace {name}: no engine of that name runs here", f"onbox ps; {' ps; '.join(PROGRAMS)} ps"
        )
    if found.removed_at_end:
        raise UsageError(
            f"--replace {name}: the container was started with --rm: once stopped it cannot be started again",
            f"start it without --rm, or stop it yourself: {found.program} stop {name}",
        )
    return found
