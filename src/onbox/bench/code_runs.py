"""Runs the code under test for a gate that judges outside: inputs go in, outputs come out over a pipe.

The gate's process never runs a stranger's code. It asks here, by a line of JSON on a named pipe that only it can see;
the code runs in a sandbox of its own that holds the workspace, read-only, and nothing of the gate: no file, no process,
no answer. What comes back is bytes, and the gate compares. Each gate is told a random word first (`nonce`), which is
not in the sandbox of the code, and says it with its verdict.
"""

import base64
import json
import os
import secrets
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from onbox.bench.sandbox import Bind, CommandSpec, Sandbox, StopSign
from onbox.bench.sandbox.halt import Halt, RunHalted, current
from onbox.errors import BoxError, OnboxError

CALLS_MAX = 200
"""Of one gate."""
REQUEST_BYTES_MAX = 16 << 20
OUTPUT_BYTES_MAX = 8 << 20
_READ_BYTES = 65_536


class CodeRuns:
    """The other end of a gate's pipes.

    Args:
        folder: a new folder that the gate sees as CALLS_DIR.
        app: the copy of the workspace.
        sandbox: the tier; each run has one of its own.
        timeout_s: of the gate: all runs together last no longer.
    """

    def __init__(self, folder: Path, app: Path, sandbox: Sandbox, timeout_s: float) -> None:
        self.nonce = secrets.token_hex(16)
        self.fault: OnboxError | None = None
        """Why a sandbox of the code could not start."""
        self._app, self._sandbox = app, sandbox
        self._left_s = timeout_s
        self._folder = folder
        folder.mkdir()
        for name in ("ask", "answers"):
            os.mkfifo(folder / name, 0o600)

    @contextmanager
    def served(self) -> Iterator[None]:
        """Answer the gate while the body runs it."""
        # For reading and writing, so that neither end waits for the other to open it.
        ask, answers = (os.open(self._folder / name, os.O_RDWR | os.O_CLOEXEC) for name in ("ask", "answers"))
        over_read, over_write = os.pipe()
        halt = current()
        with StopSign() as stop:
            thread = threading.Thread(
                target=self._serve, args=(ask, answers, over_read, stop, halt), name="code-runs", daemon=True
            )
            try:
                self._say(answers, over_read, {"nonce": self.nonce})
                thread.start()
                yield
            finally:
                os.close(over_write)
                stop.show()
                thread.join()
                for fd in (ask, answers, over_read):
                    os.close(fd)

    def _serve(self, ask: int, answers: int, over: int, stop: StopSign, halt: Halt | None) -> None:
        pending = bytearray()
        try:
            with halt.kept() if halt is not None else nullcontext():
                for _ in range(CALLS_MAX):
                    line = self._line(ask, over, pending)
                    if line is None:
                        return
                    self._say(answers, over, self._run(line, stop))
        except RunHalted:
            return  # The thread that waits for the gate gets it too.

    def _run(self, line: bytes, stop: StopSign) -> dict[str, Any]:
        try:
            request = json.loads(line)
            argv, stdin = [str(word) for word in request["argv"]], str(request["stdin"]).encode("utf-8", "replace")
            timeout_s = float(request["timeout_s"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            return {"fault": f"not a request: {error}"}
        try:
            done = self._sandbox.run(
                CommandSpec(
                    argv,
                    binds={"APP_DIR": Bind(self._app, "/app")},
                    cwd="APP_DIR",
                    timeout_s=max(min(timeout_s, self._left_s), 0.001),
                    stdin=stdin,
                    output_limit_bytes=OUTPUT_BYTES_MAX,
                    stop=stop,
                )
            )
        except BoxError as error:
            self.fault = error
            return {"fault": error.message}
        self._left_s -= done.seconds
        output = base64.b64encode(done.output).decode()
        return {"exit_code": done.exit_code, "output": output, "truncated": done.truncated}

    def _line(self, ask: int, over: int, pending: bytearray) -> bytes | None:
        """The next request; None when the gate is dead, or asks for more than anybody needs."""
        while b"\n" not in pending:
            if over in select.select([ask, over], [], [])[0] or len(pending) > REQUEST_BYTES_MAX:
                return None
            pending += os.read(ask, _READ_BYTES)
        line, _, rest = bytes(pending).partition(b"\n")
        pending[:] = rest
        return line

    def _say(self, answers: int, over: int, answer: dict[str, Any]) -> None:
        """Write a line as fast as the gate reads it; what a dead gate has not read is dropped."""
        os.set_blocking(answers, False)
        left = memoryview(json.dumps(answer).encode() + b"\n")
        while left:
            if over in select.select([over], [answers], [])[0]:
                return
            left = left[os.write(answers, left[:_READ_BYTES]) :]
