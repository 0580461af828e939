"""Where a probe of a sandbox is tried: a workspace, a read-only folder, a file outside both, a process of the host."""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onbox.bench.sandbox import Bind, CommandSpec, ReachableServer, Sandbox
from onbox.errors import BoxError

TRIED = "tried"
"""What a probe's script says first: a script that never ran proves nothing."""
TIMEOUT_S = 20.0
Answer = tuple[bool, str]
"""Whether the sandbox held, and what the attempt got away with."""
HELD: Answer = (True, "")


def held_unless(breached: bool, detail: str) -> Answer:
    """The answer of a probe that got away with `detail`, or with nothing."""
    return (False, detail) if breached else HELD


class Scene:
    """A workspace, a read-only bind, and a gate outside both."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox = sandbox
        self.secret = secrets.token_hex(8)
        self.workspace, self.tests, self.outside = (folder / name for name in ("workspace", "tests", "outside"))
        for made in (self.workspace, self.tests, self.outside):
            made.mkdir()
        self.gate = self.outside / "gate"
        for file in (self.gate, self.tests / "test"):
            file.write_text(self.secret)

    def run(self, *argv: str, reach: ReachableServer | None = None) -> str:
        """What a command printed after it said that it tries.

        Raises:
            BoxError: it never tried, or was not done with it when its time was over: that shows nothing.
        """
        binds = {"WORK": Bind(self.workspace, "/work", writable=True), "TESTS": Bind(self.tests, "/tests")}
        done = self._sandbox.run(CommandSpec(argv, binds=binds, cwd="WORK", timeout_s=TIMEOUT_S, reach=reach))
        output = done.output.decode(errors="replace")
        if not output.startswith(TRIED):
            raise BoxError(f"could not be tried: {output.strip()[-200:] or f'exit code {done.exit_code}'}")
        if done.exit_code is None:
            raise BoxError(f"could not be tried: not done after {TIMEOUT_S:g} s")
        return output

    def shell(self, script: str, *arguments: str) -> str:
        """`run` for a shell script, with `arguments` as $1, $2 and so on."""
        return self.run("sh", "-c", f"echo {TRIED}; {script}; true", "sh", *arguments)

    def python(self, script: str, *arguments: str, reach: ReachableServer | None = None) -> str:
        """`run` for a Python script that says itself that it tries."""
        return self.run("python3", "-I", "-S", "-c", script, *arguments, reach=reach)


@contextmanager
def bystander(secret: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the host that stands for the harness; `secret` is in its command line. It ends with its input."""
    with subprocess.Popen(["cat", "-", secret], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()
