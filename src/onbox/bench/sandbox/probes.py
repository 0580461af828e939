"""Questions put to a sandbox: could a command do this? What became of files and processes is read on the host; what
it may do to the box itself the probe's own script says (`host_probes.py`)."""

import fcntl
import secrets
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from onbox.bench.sandbox import Bind, Sandbox, host_probes
from onbox.errors import BoxError
from onbox.evidence.records import Probe, SandboxBounds, SandboxReport
from onbox.scratch import scratch_folder

_TRIED = "tried"
"""What a probe's script says first: a script that never ran proves nothing."""
_TIMEOUT_S = 5.0
_Answer = tuple[bool, str]
"""Whether the sandbox held, and what the attempt got away with."""
_HELD: _Answer = (True, "")
_CONNECT = """
import socket, sys
print("tried", flush=True)
for address in sys.argv[1:]:
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=0.3).close()
    except OSError:
        pass
"""
_DAEMON = """
import fcntl, os, sys, time
lock = open("lock", "w")
said, say = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.write(say, b"held")
        for fd in (0, 1, 2):
            os.close(fd)
        time.sleep(20)
    os._exit(0)
print("tried" if os.read(said, 4) else "", flush=True)
"""


def probe(sandbox: Sandbox) -> SandboxReport:
    """Try, for real, what a command must not be able to do; takes about two seconds.

    The probes: read a file outside the binds (directly, by a link in the workspace, by /proc), write outside the
    workspace or into a read-only bind, reach a listener of the host on 127.0.0.1 and 127.0.0.2, see another process
    of the host, kill one, leave a process behind that holds a lock in the workspace, and change the box itself: files
    of /proc and /sys with control groups and modules, modules by system call, devices, mounts.

    Returns:
        One `Probe` each, in that order; one that could not be tried has not held. `write_outside` holds when all names
        and contents are as they were; its detail then says whether at least the mode of a file could be changed.
    """
    probes = []
    for name, attempt in _ATTEMPTS.items():
        with scratch_folder("probe") as folder:
            scene = _Scene(sandbox, folder.resolve())
            try:
                held, detail = attempt(scene)
            except BoxError as error:
                held, detail = False, error.message
        probes.append(Probe(name=name, held=held, detail=detail))
    return SandboxReport(
        name=sandbox.name,
        version=sandbox.version,
        probes=tuple(probes),
        bounds=SandboxBounds(**asdict(sandbox.bounds)),
    )


class _Scene:
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

    def run(self, *argv: str) -> str:
        """What a command printed after it said that it tries.

        Raises:
            BoxError: it never tried.
        """
        binds = {"WORK": Bind(self.workspace, "/work", writable=True), "TESTS": Bind(self.tests, "/tests")}
        done = self._sandbox.run(argv, binds=binds, cwd="WORK", timeout_s=_TIMEOUT_S)
        output = done.output.decode(errors="replace")
        if not output.startswith(_TRIED):
            raise BoxError(f"could not be tried: {output.strip()[-200:] or f'exit code {done.exit_code}'}")
        return output

    def shell(self, script: str, *arguments: str) -> str:
        """`run` for a shell script, with `arguments` as $1, $2 and so on."""
        return self.run("sh", "-c", f"echo {_TRIED}; {script}; true", "sh", *arguments)


def _held_unless(breached: bool, detail: str) -> _Answer:
    return (False, detail) if breached else _HELD


def _read_gate(scene: _Scene) -> _Answer:
    script = 'ln -s "$1" link; cat "$1" link "/proc/self/root$1" "/proc/1/root$1"'
    output = scene.shell(script, str(scene.gate))
    return _held_unless(scene.secret in output, "read a file outside the binds")


def _write_outside(scene: _Scene) -> _Answer:
    script = """
        for place in "$1" "$TESTS"; do
            for file in "$place"/*; do echo x >> "$file"; rm -f "$file"; done
            echo x > "$place/planted"
        done
        chmod 640 "$1/gate" "$TESTS/test"
        """
    expected = {scene.gate: scene.secret, scene.tests / "test": scene.secret}
    for file in expected:
        file.chmod(0o600)
    scene.shell(script, str(scene.outside))
    found = {path: path.read_text() for folder in (scene.outside, scene.tests) for path in folder.iterdir()}
    if found != expected:
        return False, "changed a file outside the workspace"
    modes_held = all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in expected)
    return True, "" if modes_held else "contents held, but the mode of a file outside the workspace was changed"


def _reach_network(scene: _Scene) -> _Answer:
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server((host, 0))) for host in ("127.0.0.1", "127.0.0.2")]
        addresses = [f"{host}:{port}" for host, port in (listener.getsockname() for listener in listeners)]
        scene.run("python3", "-I", "-S", "-c", _CONNECT, *addresses)
        for listener, address in zip(listeners, addresses, strict=True):
            listener.setblocking(False)
            try:
                listener.accept()[0].close()
            except BlockingIOError:
                continue
            return False, f"connected to {address.partition(':')[0]} on the host"
    return _HELD


def _see_processes(scene: _Scene) -> _Answer:
    with _bystander(scene.secret):
        output = scene.shell("cat /proc/[0-9]*/cmdline")
    return _held_unless(scene.secret in output, "read the command line of a process of the host")


def _kill_harness(scene: _Scene) -> _Answer:
    with _bystander(scene.secret) as bystander:
        scene.shell('kill -KILL "$1"', str(bystander.pid))
        try:
            bystander.wait(0.02)
        except subprocess.TimeoutExpired:
            return _HELD
    return False, "killed a process of the same user on the host"


def _leave_daemon(scene: _Scene) -> _Answer:
    scene.run("python3", "-I", "-S", "-c", _DAEMON)
    with (scene.workspace / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False, "left a process behind that still holds a file of the workspace"
    return _HELD


def _change_box(script: str) -> Callable[[_Scene], _Answer]:
    def attempt(scene: _Scene) -> _Answer:
        count, *examples = scene.run("python3", "-I", "-S", "-c", script).splitlines()[-1].split()
        kept = (scene.tests / "test").read_text() == scene.secret
        return _held_unless(count != "0" or not kept, f"{count}, such as {', '.join(examples)}")

    return attempt


_ATTEMPTS: dict[str, Callable[[_Scene], _Answer]] = {
    "read_gate": _read_gate,
    "write_outside": _write_outside,
    "reach_network": _reach_network,
    "see_processes": _see_processes,
    "kill_harness": _kill_harness,
    "leave_daemon": _leave_daemon,
    "write_proc": _change_box(host_probes.PROC),
    "write_sys": _change_box(host_probes.SYS),
    "load_module": _change_box(host_probes.MODULE),
    "make_device": _change_box(host_probes.DEVICE),
    "mount": _change_box(host_probes.MOUNT),
}


@contextmanager
def _bystander(secret: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the host that stands for the harness; `secret` is in its command line. It ends with its input."""
    with subprocess.Popen(["cat", "-", secret], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()
