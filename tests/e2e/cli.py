"""onbox as its users start it: a process with arguments, two streams and an exit code."""

import atexit
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from onbox.bench.sandbox.sweeper import VARIABLE

ROOT = Path(__file__).parents[2]
MARK = "ONBOX_TEST_MARK"
GONE_S = 3.0
"""After a kill -9 of onbox nothing that it started may live longer."""


def environment(*folders: Path, **more: str) -> dict[str, str]:
    """This process's environment with the project, and `folders`, on the path of modules."""
    path = os.pathsep.join(str(folder) for folder in (ROOT / "src", ROOT, *folders))
    ours = {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "COLUMNS": "100", **more}
    if "PYTHONDONTWRITEBYTECODE" not in os.environ:
        return {**os.environ, **ours}
    # Nothing is to be left beside the sources; but without bytecode each start compiles some 500 modules, for a second.
    theirs = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**theirs, "PYTHONPYCACHEPREFIX": _bytecode(), **ours}


@cache
def _bytecode() -> str:
    """A folder for the bytecode of all that these tests start; gone with this process."""
    folder = tempfile.mkdtemp(prefix="onbox-bytecode-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def onbox(
    *arguments: object,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_s: float = 240.0,
    python: Path | str = sys.executable,
) -> "subprocess.CompletedProcess[str]":
    """Run the command line to its end."""
    command = [str(python), "-m", "onbox", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env=env or environment(), cwd=cwd, timeout=timeout_s, check=False
    )


def onbox_here(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """The command line inside this process: for mistakes that are found before anything is started."""
    from onbox.cli.main import run

    stdout, stderr = io.StringIO(), io.StringIO()
    with redirect_stdout(stdout), redirect_stderr(stderr):
        try:
            run([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = ended.code
    assert isinstance(code, int)
    return subprocess.CompletedProcess(list(map(str, arguments)), code, stdout.getvalue(), stderr.getvalue())


@contextmanager
def scripted(mode: str, *options: str) -> Iterator[str]:
    """A scripted engine that runs already; yields its URL."""
    command = [sys.executable, "-m", "tests.doubles.scripted_engine", "--mode", mode, *options]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
    assert server.stdout is not None
    try:
        port = next(line.split()[1] for line in server.stdout if line.startswith("port "))
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


class Session:
    """An onbox that is watched while it works, as if at a terminal of its own.

    All that it starts inherits a mark in the environment, by which it is found again.
    """

    def __init__(self, *arguments: object, env: Mapping[str, str], python: Path | str = sys.executable) -> None:
        self.mark = uuid.uuid4().hex
        self.lines: list[str] = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [str(python), "-m", "onbox", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**env, MARK: self.mark},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()

    def wait_for(self, pattern: str, timeout_s: float = 90.0) -> None:
        """Return when a line on stderr matches."""
        expression, deadline = re.compile(pattern), time.monotonic() + timeout_s
        with self._news:
            while not any(expression.search(line) for line in self.lines):
                assert time.monotonic() < deadline, f"{pattern!r} never came: {self.lines}"
                assert self.process.poll() is None or self._reader.is_alive(), f"ended before {pattern!r}: {self.lines}"
                self._news.wait(0.1)

    def wait_until_interruptible(self, timeout_s: float = 90.0) -> None:
        """Return when the command handles SIGTERM, which Python does not do by itself: it is past its imports."""
        deadline = time.monotonic() + timeout_s
        while not self._catches(signal.SIGTERM):
            assert time.monotonic() < deadline, f"no handler came: {self.lines}"
            assert self.process.poll() is None, f"ended before it could be interrupted: {self.lines}"
            time.sleep(0.02)

    def _catches(self, number: int) -> bool:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (caught,) = (int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt:"))
        return bool(caught >> (number - 1) & 1)

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """Signal the whole foreground group, as a terminal does."""
        os.killpg(self.process.pid, number)

    def end(self, timeout_s: float = 90.0) -> int:
        """Wait for the end; the exit code."""
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not ended after {timeout_s:.0f} s; it printed {self.lines}") from None
        self._reader.join(timeout_s)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def kill(self) -> None:
        """kill -9, onbox alone."""
        self.process.kill()
        self.end()

    def left(self, within_s: float = 0.0) -> list[str]:
        """The command lines of what it started and what lives after that time."""
        deadline = time.monotonic() + within_s
        while (alive := _left(self.mark, self.process.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        return alive


def _left(mark: str, onbox: int) -> list[str]:
    """Who has the test's mark in the environment, or the one that onbox gives to its sandboxes in place of all else."""
    found = []
    for process in psutil.process_iter():
        try:
            environ = process.environ()
            marked = environ.get(MARK) == mark or environ.get(VARIABLE, "").startswith(f"{onbox}-")
            if marked and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def runs_of(folder: Path) -> dict[str, tuple[int, str]]:
    """Each finished run by its path: time of writing, and the engine's lifetime that it came from."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, json.loads(path.read_text())["launch_id"])
        for path in sorted(folder.glob("*/runs/*/*/*/run.json"))
    }


def verdict_of(folder: Path) -> dict[str, Any]:
    """The verdict that was written."""
    verdict: dict[str, Any] = json.loads((folder / "verdict.json").read_text())
    return verdict
