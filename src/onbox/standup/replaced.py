"""The daily driver makes room: it is stopped, and running again at the end, also after a crash of onbox."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from onbox.errors import BoxError, UsageError
from onbox.standup import running
from onbox.standup.keeper import KEEPER

BRINGER = Path(KEEPER).with_name("bringer.py")
STOP_S = 60


class Replaced:
    """Stops a named engine for the length of the body, or for as long as whoever `keep` was told of.

    Args:
        name: of something that `onbox up` started, or of a docker container that runs.

    Raises:
        UsageError: nothing of that name runs here.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._ours = running.find(name)
        if self._ours is not None and self._ours.state() in ("starting", "serving"):
            self.again: tuple[tuple[str, ...], ...] = (self._ours.started.again,)
        elif _container_runs(name):
            self._ours = None
            self.again = (("docker", "start", name),)
        else:
            raise UsageError(f"--replace {name}: nothing of that name runs here", "onbox ps; docker ps")

    def __enter__(self) -> "Replaced":
        command = [sys.executable, "-I", "-S", str(BRINGER), json.dumps(self.again)]
        self._bringer = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        if self._ours is not None:
            gone = running.stop(self._ours).whole
            running.put_away(self.name)
        else:
            gone = _docker("stop", "--time", "10", self.name)
        if not gone:
            self._end()
            raise BoxError(f"--replace {self.name}: it does not stop")
        return self

    def keep(self) -> None:
        """Somebody else brings it back: the keeper of what replaced it."""
        assert self._bringer.stdin is not None
        self._bringer.stdin.write(b"kept\n")
        self._bringer.stdin.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        assert self._bringer.stdin is not None
        self._bringer.stdin.close()
        self._bringer.wait()


def _container_runs(name: str) -> bool:
    return bool(shutil.which("docker")) and _docker("top", name)


def _docker(*arguments: str) -> bool:
    done = subprocess.run(["docker", *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=STOP_S)
    return done.returncode == 0
