"""An engine's supervisor, seen from onbox: started, told, heard, ended."""

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
    """One supervisor with its engine (`onbox.supervisor` says what passes between them); its first word is to be heard.

    Args:
        settings: what the supervisor is told.
        command: the engine's.
        environment: of the engine, beside this process's own.
    """

    def __init__(self, settings: Settings, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.told: dict[str, Any] = {}
        """What the supervisor has said so far: `pid`, or `error`; then `how` the engine ended, and its `exit` code."""
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

    def hear(self) -> None:
        """Take in the supervisor's next line; at its end there is none."""
        assert self._process.stdout is not None
        self.told |= json.loads(self._process.stdout.readline() or b"{}")

    def tell(self, line: str) -> None:
        """Say something on the lifeline; a supervisor that has ended does not hear it."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()

    def hear_the_end(self) -> None:
        """Wait a moment for the last word of a supervisor whose engine has died; one that hangs is left to it."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(COMPLETE_S)
            self.hear()

    def end(self) -> None:
        """Cut the lifeline, and stay until the supervisor is gone: the engine is gone before it."""
        supervisor = self._process
        assert supervisor.stdin is not None
        assert supervisor.stdout is not None
        with suppress(BrokenPipeError):
            supervisor.stdin.close()
        if select.select([supervisor.stdout], [], [], END_S)[0]:
            for line in supervisor.stdout.read().splitlines():
                self.told |= json.loads(line)
        supervisor.kill()
        supervisor.wait()
        supervisor.stdout.close()
