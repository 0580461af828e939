"""Runs the tests of one commit on many states of its files, in one sandbox that stays up between them.

A run of its own costs a sandbox and the start of a runner, more than the tests themselves take. Here the runner is
loaded once and forks (`files/serve.py`). Code under test can sway what comes after it in the same sandbox, so this only
finds what is worth a task; whether the task is one, its gate says (`onbox.bench.audit`).
"""

import base64
import json
import math
import os
import select
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from pathlib import Path

from onbox.bench.history.runners import TESTS_S, Suite, SuiteRun, program
from onbox.bench.sandbox import Bind, CommandSpec, Sandbox, StopSign
from onbox.bench.sandbox.halt import Halt, RunHalted, current
from onbox.errors import BoxError, OnboxError

LIFE_S = 3600.0
GRACE_S = 120.0
"""Beside the tests' own limit: the start of the sandbox and the copy of the workspace, on a box that may be busy."""
COUNTED = ("pytest", "unittest")
"""Runners that are held to processor time."""
WALL_OVER_PROCESSOR = 10
"""Wall time that these get for each second of it: a busy box drops no commit that a quiet one keeps."""
TURN_S = 10.0
"""Where each test has its turn: that of one, without what it waits for a processor."""
TURNS_S = 60.0
"""That of all of them."""
IDLE_S = 30.0
"""A run that for so long hardly uses the processor waits for what never comes, and its time is over."""
ANSWER_BYTES_MAX = 16 << 20
_READ_BYTES = 65_536


class MiningWorker:
    """A sandbox that runs the tests when it is asked; a context manager.

    Args:
        suite: the tests; its targets and limit are those of a run that names no others.
        app: the workspace before, without the files that change.
        sandbox: where it runs.
        folder: a new or empty folder for its pipes.
    """

    def __init__(self, suite: Suite, app: Path, sandbox: Sandbox, folder: Path) -> None:
        self._suite, self._app, self._sandbox, self._folder = suite, app, sandbox, folder
        self._halt = current()
        self._started = 0
        self._thread: threading.Thread | None = None
        self._pending = bytearray()
        self.spent_s = 0.0
        """Of all runs, as `SuiteRun.cost_s`."""

    def __enter__(self) -> "MiningWorker":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def observe(
        self,
        changed: Mapping[str, bytes | None],
        targets: Collection[str] = (),
        cpu_s: float = TESTS_S,
        only: Collection[str] = (),
        *,
        in_turn: bool = False,
    ) -> SuiteRun:
        """Run the tests on the workspace with some files changed.

        Args:
            changed: content by name; None: the file is not there.
            targets: the test files; those of the suite if left out.
            cpu_s: processor time, where the runner can be held to it; others are held to the suite's wall time.
            only: ids of the tests that are run; all of the files if left out.
            in_turn: no test takes longer than TURN_S, and those that have not begun after TURNS_S do not.

        Raises:
            BoxError: the sandbox could not start.
        """
        begun = time.monotonic()
        if self._thread is None:
            self._start()
        limit_s = self._suite.timeout_s
        if self._suite.kind in COUNTED:
            limit_s = max(limit_s, WALL_OVER_PROCESSOR * cpu_s)
        files = {name: None if data is None else base64.b64encode(data).decode() for name, data in changed.items()}
        request: dict[str, object] = {"changed": files, "targets": list(targets or self._suite.targets)}
        request |= {"timeout_s": limit_s, "cpu_s": math.ceil(cpu_s), "only": sorted(only)}
        request |= {"idle_s": IDLE_S, "turn_s": TURN_S if in_turn else 0, "all_s": TURNS_S if in_turn else 0}
        line = self._exchange(json.dumps(request).encode() + b"\n", begun + limit_s + GRACE_S)
        seconds = time.monotonic() - begun
        try:
            found = json.loads(line or b"")
            tests = {str(name): str(state) for name, state in found["tests"].items()}
            why = {str(name): str(words) for name, words in found["why"].items()}
            used = None if found["cpu_s"] is None else float(found["cpu_s"])
            lasted = {str(name): float(value) for name, value in found["seconds"].items()}
            code = None if found["exit"] is None else int(found["exit"])
            turns = found["turns"]
            end = SuiteRun(
                tests,
                str(found["output"]),
                seconds,
                why,
                timed_out=code is None,
                cpu_s=used,
                seconds_of=lasted,
                exit_code=code,
                running=str(turns.get("running", "")),
                cut=frozenset(str(name) for name in turns.get("cut", ())),
                lasted_s=float(turns.get("lasted_s", 0.0)),
            )
            self.spent_s += end.cost_s
            return end
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            # What went wrong there is of this state of the files: the next begins anew.
            self._end()
            self.spent_s += seconds
            return SuiteRun({}, "its run ended without a result", seconds, timed_out=seconds >= limit_s)

    def _exchange(self, request: bytes, until: float) -> bytes | None:
        """The answer to a request; None where none came."""
        left = memoryview(request)
        while left:
            if not self._ready([], [self._ask], until):
                return None
            left = left[os.write(self._ask, left[:_READ_BYTES]) :]
        while b"\n" not in self._pending:
            if len(self._pending) > ANSWER_BYTES_MAX or not self._ready([self._answers], [], until):
                return None
            self._pending += os.read(self._answers, _READ_BYTES)
        line, _, rest = bytes(self._pending).partition(b"\n")
        self._pending[:] = rest
        return line

    def _ready(self, read: list[int], write: list[int], until: float) -> bool:
        watched: list[int | Halt] = [self._over, *read]
        if self._halt is not None:
            watched.append(self._halt)
        reads, writes, _ = select.select(watched, write, [], max(until - time.monotonic(), 0.0))
        if self._halt is not None and self._halt in reads:
            raise RunHalted
        if self._over in reads:
            if self._fault is not None:
                raise self._fault
            return False
        return bool(reads or writes)

    def _start(self) -> None:
        self._started += 1
        calls = self._folder / f"calls-{self._started}"
        calls.mkdir(parents=True)
        for name in ("ask", "answers"):
            os.mkfifo(calls / name, 0o600)
        # For reading and writing, so that neither end waits for the other to open it.
        self._ask, self._answers = (os.open(calls / name, os.O_RDWR | os.O_CLOEXEC) for name in ("ask", "answers"))
        os.set_blocking(self._ask, False)
        self._over = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._stop, self._pending = StopSign(), bytearray()
        self._fault: OnboxError | None = None
        self._thread = threading.Thread(target=self._serve, args=(calls,), name="test-worker", daemon=True)
        self._thread.start()

    def _serve(self, calls: Path) -> None:
        files = {name: base64.b64encode(content).decode() for name, content in self._suite.hidden.items()}
        # One that was lost may have been so because of what was loaded.
        request = {**self._suite.request(), "files": files, "preload": self._started == 1}
        try:
            with self._halt.kept() if self._halt is not None else nullcontext():
                self._sandbox.run(
                    CommandSpec(
                        ["python3", "-I", "-S", "-B", "-c", program(serve=True)],
                        binds={"APP_DIR": Bind(self._app, "/app"), "CALLS_DIR": Bind(calls, "/calls", writable=True)},
                        cwd="APP_DIR",
                        timeout_s=LIFE_S,
                        stdin=json.dumps(request).encode(),
                        stop=self._stop,
                    )
                )
        except RunHalted:
            pass  # The thread that waits for the answer watches it too.
        except BoxError as error:
            self._fault = error
        finally:
            os.eventfd_write(self._over, 1)

    def _end(self) -> None:
        if self._thread is None:
            return
        self._stop.show()
        self._thread.join()
        self._thread = None
        self._stop.close()
        for fd in (self._ask, self._answers, self._over):
            os.close(fd)
