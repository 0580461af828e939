"""An engine's supervisor, as onbox holds it: start it, send it lines, read its reports, end it."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from onbox.engines.variables import filled
from onbox.supervisor import SUPERVISOR
from onbox.supervisor.settings import Settings

COMPLETE_S = 2.0
"""The log is complete when the supervisor has ended."""
END_S = 20.0


class SupervisorClient:
    """One supervisor with its engine; its first report is to be read. `onbox.supervisor` says what passes between them.

    Args:
        settings: its settings.
        command: the engine's.
        environment: of the engine, beside this process's own.
    """

    def __init__(self, settings: Settings, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.reports: dict[str, Any] = {}
        """All that it reported so far: `pid`, or `error`; then `how` the engine ended, and its `exit` code."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", SUPERVISOR, settings.to_json(), "--", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **filled(environment)},
        )

    @property
    def ended(self) -> bool:
        """Whether the supervisor is gone, and the engine with it."""
        return self._process.poll() is not None

    def read(self) -> None:
        """Take in the supervisor's next line; at its end there is none."""
        assert self._process.stdout is not None
        self.reports |= json.loads(self._process.stdout.readline() or b"{}")

    def send(self, line: str) -> None:
        """Send a line on the lifeline; one to a supervisor that has ended is lost."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()

    def read_to_the_end(self) -> None:
        """Wait a moment for the last report of a supervisor whose engine has died; one that hangs is left to it."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(COMPLETE_S)
            self.read()

    def end(self) -> None:
        """Cut the lifeline, and stay until the supervisor is gone: the engine is gone before it."""
        supervisor = self._process
        assert supervisor.stdin is not None
        assert supervisor.stdout is not None
        with suppress(BrokenPipeError):
            supervisor.stdin.close()
        if select.select([supervisor.stdout], [], [], END_S)[0]:
            for line in supervisor.stdout.read().splitlines():
                self.reports |= json.loads(line)
        supervisor.kill()
        supervisor.wait()
        supervisor.stdout.close()
