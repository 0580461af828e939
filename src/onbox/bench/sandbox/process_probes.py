"""Probes of what goes past files and folders: other processes, sockets, events, attributes, calls of the kernel.

What became of a process, a socket or a file is read on the host; of the rest the script says what it was let do.
"""

import ctypes
import json
import os
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from onbox.bench.sandbox import ReachableServer, seccomp
from onbox.bench.sandbox.probe_scene import Answer, Scene, bystander, held_unless
from onbox.errors import BoxError

_CHANGE = """
import ctypes, os, resource, sys
print("tried", flush=True)
pid, number = int(sys.argv[1]), int(sys.argv[2])
for attempt in (
    lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (17, 17)),
    lambda: os.setpriority(os.PRIO_PROCESS, pid, 7),
    lambda: os.setpriority(os.PRIO_USER, 0, 7),
    lambda: os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0)),
    lambda: os.sched_setaffinity(pid, {min(os.sched_getaffinity(0))}),
    lambda: number < 0 or ctypes.CDLL(None).syscall(number, 1, pid, 3 << 13),
):
    try:
        attempt()
    except OSError:
        pass
"""
_TRACE = """
import ctypes, os, sys
print("tried", flush=True)
pid = int(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
if libc.ptrace(16, pid, 0, 0) == 0:
    print("ptrace")
    os.waitpid(pid, 0x40000000)
    libc.ptrace(17, pid, 0, 0)
for path in ("mem", "environ", "maps", "auxv"):
    try:
        with open(f"/proc/{pid}/{path}", "rb") as file:
            path == "mem" or file.read(1)
        print(path)
    except OSError:
        pass
try:
    fd = os.pidfd_open(pid)
    if libc.syscall(438, fd, 0, 0) >= 0:
        print("pidfd_getfd")
except (OSError, AttributeError):
    pass
word = ctypes.create_string_buffer(8)
class Span(ctypes.Structure):
    _fields_ = [("at", ctypes.c_void_p), ("size", ctypes.c_size_t)]
here, there = Span(ctypes.addressof(word), 8), Span(int(sys.argv[2]), 8)
libc.process_vm_readv.argtypes = [ctypes.c_int, *(ctypes.c_void_p, ctypes.c_ulong) * 2, ctypes.c_ulong]
if libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0:
    print("process_vm_readv")
"""
_WATCH = """
import ctypes, os, sys
print("tried", flush=True)
libc = ctypes.CDLL(None, use_errno=True)
fd = libc.inotify_init1(0)
for path in sys.argv[1:]:
    if fd >= 0 and libc.inotify_add_watch(fd, os.fsencode(path), 0xFFF) >= 0:
        print("inotify")
# FAN_REPORT_FID, then FAN_MARK_ADD of modifications.
fd = libc.fanotify_init(0x200, 0)
libc.fanotify_mark.argtypes = [ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p]
for path in sys.argv[1:]:
    if fd >= 0 and libc.fanotify_mark(fd, 1, 2, -100, os.fsencode(path)) == 0:
        print("fanotify")
"""
_ATTRIBUTES = """
import os, sys
print("tried", flush=True)
for path in sys.argv[1:]:
    for attempt in (lambda: print(os.getxattr(path, "user.secret").decode()),
                    lambda: os.setxattr(path, "user.planted", b"x"),
                    lambda: os.removexattr(path, "user.secret")):
        try:
            attempt()
        except OSError:
            pass
"""
_SOCKETS = """
import socket, sys
print("tried", flush=True)
path, abstract, to, lite, at = sys.argv[1:]
for name in (path, "\\0" + abstract):
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(0.3)
            client.connect(name)
    except OSError:
        pass
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        for send in (sender.sendto, lambda data, to: sender.sendmsg([data], [], 0, to)):
            try:
                send(b"said", name + "-datagrams")
            except OSError:
                pass
for protocol, port in ((0, to), (136, lite)):
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, protocol) as sender:
            sender.sendto(b"said", ("127.0.0.1", int(port)))
    except OSError:
        pass
for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
    try:
        with socket.socket(socket.AF_INET, kind) as listener:
            listener.bind(("127.0.0.1", int(at)))
            listener.settimeout(0.3)
            if kind == socket.SOCK_STREAM:
                listener.listen()
                listener.accept()
                print("accepted")
            else:
                print(listener.recv(100).decode())
    except OSError:
        pass
"""
_MEMORY = """
import ctypes, os, sys
print("tried", flush=True)
libc = ctypes.CDLL(None, use_errno=True)
try:
    queues = ctypes.CDLL("librt.so.1", use_errno=True)
    queues.mq_open(os.fsencode(sys.argv[1]), os.O_CREAT | os.O_RDWR, 0o600, None)
except (OSError, AttributeError):
    pass
segment = libc.shmget(int(sys.argv[2]), 4096, 0o1600)
try:
    os.close(os.open("/dev/shm" + sys.argv[1], os.O_CREAT | os.O_RDWR, 0o600))
except OSError:
    pass
"""
_KERNEL = """
import ctypes, errno, json, os, socket, sys
print("tried", flush=True)
libc = ctypes.CDLL(None, use_errno=True)
shut = {errno.EPERM, errno.EACCES, errno.ENOSYS}
for name, (number, *arguments) in json.loads(sys.argv[1]).items():
    ctypes.set_errno(0)
    got = libc.syscall(number, *map(ctypes.c_long, arguments))
    if got >= 0 or ctypes.get_errno() not in shut:
        print(name)
for name, family, kind in (("AF_ALG", 38, socket.SOCK_SEQPACKET), ("AF_VSOCK", 40, socket.SOCK_STREAM)):
    try:
        socket.socket(family, kind).close()
        print(name)
    except OSError:
        pass
"""
_KERNEL_ARGUMENTS = {
    "bpf": (0, 0, 0),
    "perf_event_open": (0, 0, -1, -1, 0),
    "keyctl": (0, -3, 0),
    "add_key": (0, 0, 0, 0, -3),
    "userfaultfd": (1,),
    "open_by_handle_at": (-1, 0, 0),
    "syslog": (10, 0, 0),
    "io_uring_setup": (0, 0),
}
"""With what no kernel takes, but for the session's key ring, the size of its log, and faults of the own memory."""
_UDP_LITE = 136


def change_processes(scene: Scene) -> Answer:
    """Limits, priority, scheduler and processors of a process of the host."""
    with bystander(scene.secret) as process:
        before = _settings(process.pid)
        scene.python(_CHANGE, str(process.pid), str(_number("ioprio_set")))
        after = _settings(process.pid)
    changed = [name for name in before if before[name] != after[name]]
    return held_unless(bool(changed), f"changed of a process of the host: {', '.join(changed)}")


def _settings(pid: int) -> dict[str, object]:
    return {
        "limits": resource.prlimit(pid, resource.RLIMIT_NOFILE),
        "priority": os.getpriority(os.PRIO_PROCESS, pid),
        "scheduler": os.sched_getscheduler(pid),
        "processors": os.sched_getaffinity(pid),
        "priority of its disk": ctypes.CDLL(None).syscall(_number("ioprio_get"), 1, pid),
    }


def trace_processes(scene: Scene) -> Answer:
    """The memory and the descriptors of a process of the host."""
    with bystander(scene.secret) as process:
        first = Path(f"/proc/{process.pid}/maps").read_text().partition("-")[0]
        got = scene.python(_TRACE, str(process.pid), str(int(first, 16))).split()[1:]
    return held_unless(bool(got), f"reached into a process of the host: {', '.join(got)}")


def watch_folders(scene: Scene) -> Answer:
    """Who reads and writes what in a folder that is closed."""
    got = scene.python(_WATCH, str(scene.outside), str(scene.gate)).split()[1:]
    return held_unless(bool(got), f"watched a folder outside the binds: {', '.join(sorted(set(got)))}")


def read_attributes(scene: Scene) -> Answer:
    """Extended attributes of a file outside the workspace, and of one that may only be read."""
    files = {"outside": scene.gate, "read-only": scene.tests / "test"}
    try:
        for file in files.values():
            os.setxattr(file, "user.secret", scene.secret.encode())
    except OSError:
        return True, "this file system keeps no attributes"
    output = scene.python(_ATTRIBUTES, *map(str, files.values()), "/tests/test")
    changed = [name for name, file in files.items() if os.listxattr(file) != ["user.secret"]]
    if changed:
        return False, f"changed attributes of a file: {', '.join(changed)}"
    # Those of a file that may be read may be read, too.
    return held_unless(output.count(scene.secret) > output.count("\n"), "read attributes of a file outside the binds")


def reach_sockets(scene: Scene) -> Answer:
    """Sockets that are not TCP: named and nameless ones of Unix, datagrams to the host, and a port to listen at.

    It is tried with a way to one server, as an agent has it.
    """
    got = []
    with ExitStack() as stack:
        listeners, receivers = {}, {}
        abstract = f"onbox-{scene.secret}"
        for name, address in (("a named socket", str(scene.outside / "s")), ("a nameless socket", "\0" + abstract)):
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            receiver = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            with suppress(OSError):  # a path that is too long for a socket
                listener.bind(address)
                listener.listen()
                listeners[name] = listener
                receiver.bind(f"{address}-datagrams")
                receivers[f"{name} of datagrams"] = receiver
        datagrams = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        datagrams.bind(("127.0.0.1", 0))
        receivers["a datagram to the host"] = datagrams
        with suppress(OSError):  # not every kernel knows the protocol
            light = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM, _UDP_LITE))
            light.bind(("127.0.0.1", 0))
            receivers["a light datagram to the host"] = light
        ports = [each.getsockname()[1] for each in receivers.values() if each.family == socket.AF_INET]
        port, server_port = _free_port(), _free_port()
        proxy = scene.workspace.with_name("proxy")
        proxy.mkdir()
        stack.enter_context(_calling(port, scene.secret.encode()))
        output = scene.python(
            _SOCKETS,
            *(str(scene.outside / "s"), abstract, str(ports[0]), str(ports[-1]), str(port)),
            reach=ReachableServer(server_port, proxy / "socket"),
        )
        for name, listener in listeners.items():
            got += [name] if _comes(listener, lambda ready: ready.accept()[0].close()) else []
        for name, receiver in receivers.items():
            got += [name] if _comes(receiver, lambda ready: ready.recv(100)) else []
    got += ["a UDP port of the host"] if scene.secret in output else []
    got += ["a TCP port of the host"] if "accepted" in output else []
    return held_unless(bool(got), f"reached {', '.join(got)}")


def _comes(ready: socket.socket, take: Callable[[socket.socket], object]) -> bool:
    ready.setblocking(False)
    try:
        take(ready)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _calling(port: int, secret: bytes) -> Iterator[None]:
    """Sends to a port of the host, and connects to it, again and again."""
    over = threading.Event()

    def call() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while not over.wait(0.02):
                with suppress(OSError):
                    sender.sendto(secret, ("127.0.0.1", port))
                with suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), timeout=0.1).close()

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def leave_memory(scene: Scene) -> Answer:
    """Queues and shared memory that are the box's and outlive the command."""
    name, key = f"/onbox-{scene.secret}", int(scene.secret[:7], 16) + 1
    scene.python(_MEMORY, name, str(key))
    libc = ctypes.CDLL(None, use_errno=True)
    left = []
    with suppress(OSError, AttributeError):
        if ctypes.CDLL("librt.so.1").mq_unlink(name.encode()) == 0:
            left.append("a queue")
    segment = libc.shmget(key, 0, 0)
    if segment >= 0:
        libc.shmctl(segment, 0, None)
        left.append("a segment of shared memory")
    with suppress(OSError):
        Path("/dev/shm" + name).unlink()
        left.append("a file of /dev/shm")
    return held_unless(bool(left), f"left {', '.join(left)}")


def call_kernel(scene: Scene) -> Answer:
    """Calls of the kernel that no task needs, and that have been doors before."""
    calls = {name: (_number(name), *arguments) for name, arguments in _KERNEL_ARGUMENTS.items()}
    got = scene.python(_KERNEL, json.dumps(calls)).split()[1:]
    return held_unless(bool(got), f"the kernel answers: {', '.join(got)}")


def _number(call: str) -> int:
    machine = os.uname().machine
    if machine not in seccomp.ARCHITECTURES:
        raise BoxError(f"could not be tried: the numbers of the kernel's calls on {machine} are not known")
    return seccomp.NUMBERS[call][list(seccomp.ARCHITECTURES).index(machine)]
