"""Questions put to a sandbox: could a command do this? What became of files and processes is read on the host; what
it may do to the box itself the probe's own script says (`host_probes.py`); what goes past files has a file of its own
(`process_probes.py`)."""

import fcntl
import socket
import stat
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict

from onbox.bench.sandbox import Sandbox, host_probes
from onbox.bench.sandbox.disk_watch import BYTES_MAX, FILES_MAX, SHARE_MAX
from onbox.bench.sandbox.probe_scene import HELD, Answer, Scene, bystander, held_unless
from onbox.bench.sandbox.process_probes import (
    call_kernel,
    change_processes,
    leave_memory,
    reach_sockets,
    read_attributes,
    trace_processes,
    watch_folders,
)
from onbox.errors import BoxError
from onbox.evidence.records import Probe, SandboxBounds, SandboxReport
from onbox.scratch import scratch_folder

_CONNECT = """
import socket, sys
print("tried", flush=True)
MPTCP, FASTOPEN = 262, 0x20000000
def usual(to):
    socket.create_connection(to, timeout=0.3).close()
def several_paths(to):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP) as client:
        client.settimeout(0.3)
        client.connect(to)
def data_first(to):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(0.3)
        client.sendto(b"x", FASTOPEN, to)
def message_first(to):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(0.3)
        client.sendmsg([b"x"], [], FASTOPEN, to)
for address in sys.argv[1:]:
    host, port = address.split(":")
    for way in (usual, several_paths, data_first, message_first):
        try:
            way((host, int(port)))
        except OSError:
            pass
"""
_NUMBERS = """
import os, sys
print("tried", flush=True)
pid = int(sys.argv[1])
if str(pid) in os.listdir("/proc"):
    print("listed")
if os.path.exists(f"/proc/{pid}"):
    print("by-path")
try:
    os.kill(pid, 0)
    print("by-kill")
except ProcessLookupError:
    pass
except PermissionError:
    print("by-kill")
"""
_DAEMON = """
import fcntl, os, sys, time
lock = open("lock", "w")
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.write(writer, b"held")
        for fd in (0, 1, 2):
            os.close(fd)
        time.sleep(20)
    os._exit(0)
print("tried" if os.read(reader, 4) else "", flush=True)
"""


def probe(sandbox: Sandbox) -> SandboxReport:
    """Try, for real, what a command must not be able to do; takes about three seconds.

    The probes: read a file outside the binds (directly, by a link in the workspace, by /proc), write outside the
    workspace or into a read-only bind, reach a listener of the host on 127.0.0.1 and 127.0.0.2, see another process
    of the host, kill one, leave a process behind that holds a lock in the workspace, and change the box itself: files
    of /proc and /sys with control groups and modules, modules by system call, devices, mounts.
    Then what goes past files: limits and priority of other processes, their memory, events in closed folders,
    attributes of closed files, sockets that are no TCP, memory and queues that outlive the command, and calls of the
    kernel that no task needs.

    Returns:
        One `Probe` each, in that order; one that could not be tried has not held. `write_outside` holds when all names
        and contents are as they were; its detail then says whether at least the mode of a file could be changed;
        that of `see_processes` whether a process of the host can be told to be there.
    """
    probes = []
    for name, attempt in PROBES.items():
        with scratch_folder("probe") as folder:
            scene = Scene(sandbox, folder.resolve())
            try:
                held, detail = attempt(scene)
            except BoxError as error:
                held, detail = False, error.message
        probes.append(Probe(name=name, held=held, detail=detail))
    return SandboxReport(
        name=sandbox.name,
        version=sandbox.version,
        probes=tuple(probes),
        bounds=SandboxBounds(
            **asdict(sandbox.bounds), disk_bytes=BYTES_MAX, disk_files=FILES_MAX, disk_free_share=SHARE_MAX
        ),
    )


def _read_gate(scene: Scene) -> Answer:
    script = 'ln -s "$1" link; cat "$1" link "/proc/self/root$1" "/proc/1/root$1"'
    output = scene.shell(script, str(scene.gate))
    return held_unless(scene.secret in output, "read a file outside the binds")


def _write_outside(scene: Scene) -> Answer:
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


def _reach_network(scene: Scene) -> Answer:
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server((host, 0))) for host in ("127.0.0.1", "127.0.0.2")]
        addresses = [f"{host}:{port}" for host, port in (listener.getsockname() for listener in listeners)]
        scene.python(_CONNECT, *addresses)
        for listener, address in zip(listeners, addresses, strict=True):
            listener.setblocking(False)
            try:
                listener.accept()[0].close()
            except BlockingIOError:
                continue
            return False, f"connected to {address.partition(':')[0]} on the host"
    return HELD


def _see_processes(scene: Scene) -> Answer:
    with bystander(scene.secret) as process:
        output = scene.shell('cat "/proc/$1/cmdline" /proc/[0-9]*/cmdline', str(process.pid))
        if scene.secret in output:
            return False, "read the command line of a process of the host"
        numbers = scene.python(_NUMBERS, str(process.pid)).split()[1:]
    return True, f"a process of the host can be told to be there: {', '.join(numbers)}" if numbers else ""


def _kill_harness(scene: Scene) -> Answer:
    with bystander(scene.secret) as process:
        scene.shell('kill -KILL "$1"', str(process.pid))
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            return HELD
    return False, "killed a process of the same user on the host"


def _leave_daemon(scene: Scene) -> Answer:
    scene.python(_DAEMON)
    with (scene.workspace / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False, "left a process behind that still holds a file of the workspace"
    return HELD


def _change_box(script: str) -> Callable[[Scene], Answer]:
    def attempt(scene: Scene) -> Answer:
        count, *examples = scene.python(script).splitlines()[-1].split()
        kept = (scene.tests / "test").read_text() == scene.secret
        return held_unless(count != "0" or not kept, f"{count}, such as {', '.join(examples)}")

    return attempt


PROBES: dict[str, Callable[[Scene], Answer]] = {
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
    "change_processes": change_processes,
    "trace_processes": trace_processes,
    "watch_folders": watch_folders,
    "read_attributes": read_attributes,
    "reach_sockets": reach_sockets,
    "leave_memory": leave_memory,
    "call_kernel": call_kernel,
}
