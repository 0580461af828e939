"""The first tier: namespaces by the system's bubblewrap."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

from onbox.bench.sandbox import MEMORY_BYTES, Bind, Bounds, CommandResult, CommandSpec, ReachableServer, seccomp
from onbox.bench.sandbox.attend import attend, end_with, open_pidfd, pipe
from onbox.bench.sandbox.disk_watch import DiskWatch
from onbox.bench.sandbox.interior import (
    PROCESSES,
    SCRATCH_BYTES,
    bridged,
    die_first,
    environment,
    in_shell,
    interpreter,
    interpreter_folders,
    limits,
    refusal,
    tighten,
)
from onbox.bench.sandbox.sweeper import Sweeper
from onbox.bench.sandbox.unprivileged import as_user, is_host_root
from onbox.errors import BoxError

_HOME = "/home/agent"
_TOOLS = "/.onbox"
"""Holds `python3` and `python`; first on PATH."""
_PROXY = "/.proxy"
"""Holds the socket of the one server that a command may reach."""
_NAMESPACES = (
    *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--uid", "1000", "--gid", "1000", "--hostname", "sandbox"),
    *("--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"),
)
_ETC = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nagent:x:1000:1000:agent:/home/agent:/bin/sh\n",
    "/etc/group": "root:x:0:\nagent:x:1000:\n",
    "/etc/hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
"""Written here, so that a command learns no names of the box."""
_OF_THE_NETWORK = ("/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf")
"""How the box resolves names: for a command that has its network."""
_ETC_OF_THE_BOX = ("/etc/alternatives", "/etc/ssl", "/etc/pki", "/etc/ld.so.cache", "/etc/localtime")
_PROC_OF_THE_BOX = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/pressure")
"""A fresh /proc still leads to the kernel of the box; who may write there is asked of the user on the host."""
_NEXT_STEP = "apt install bubblewrap"
_sweeper = Sweeper()


class Bubblewrap:
    """Own user, process, network, mount, IPC and host-name namespaces, no capabilities, a read-only system.

    Only the binds, /tmp, the home folder and /dev/shm can be written, and all but the binds are gone afterwards.
    Works where the kernel allows user namespaces. As root it runs as an unprivileged user of the host
    (`unprivileged.py`), who then owns what it may write.

    Raises:
        BoxError: bubblewrap is not installed.
    """

    name = "bubblewrap"

    def __init__(self) -> None:
        # Ubuntu's AppArmor profile opens user namespaces to /usr/bin/bwrap alone.
        found = shutil.which("bwrap", path="/usr/bin") or shutil.which("bwrap")
        if found is None:
            raise BoxError("bubblewrap is not installed", _NEXT_STEP)
        self._program = found
        self.version = _ask(found, "--version").removeprefix("bubblewrap").strip()
        self.bounds = Bounds(MEMORY_BYTES, "process", PROCESSES)
        self._options = frozenset(re.findall(r"--[a-z-]+", _ask(found, "--help")))

    def place(self, bind: Bind) -> str:
        """See `Sandbox.place`."""
        return bind.target

    def run(self, spec: CommandSpec) -> CommandResult:
        """See `Sandbox.run`."""
        if refused := refusal(spec.argv, spec.env):
            return refused
        variables = {
            **environment(path=[_TOOLS, str(interpreter().parent)], home=_HOME, tmp="/tmp"),
            **spec.env,
            **{name: bind.target for name, bind in spec.binds.items()},
        }
        with ExitStack() as stack:
            status, bwrap_status = pipe(stack)
            bwrap_go, go = pipe(stack)
            etc = {
                path: _memory_file(stack, text.encode())
                for path, text in _ETC.items()
                if not (spec.network and path in _OF_THE_NETWORK)
            }
            refused_calls = seccomp.program(seccomp.WITH_NAMESPACES)
            filters = [] if refused_calls is None else [_memory_file(stack, refused_calls)]
            command = [
                self._program,
                *(word for word in _NAMESPACES if not (spec.network and word == "--unshare-net")),
                *(["--disable-userns"] if "--disable-userns" in self._options else []),
                *["--json-status-fd", str(bwrap_status.fileno()), "--block-fd", str(bwrap_go.fileno())],
                *(word for file in filters for word in ("--seccomp", str(file.fileno()))),
                *self._mounts(spec.binds, etc, spec.reach, _OF_THE_NETWORK if spec.network else ()),
                *[word for item in variables.items() for word in ("--setenv", *item)],
                *["--chdir", spec.binds[spec.cwd].target, "--"],
                *(
                    in_shell(spec.argv)
                    if spec.reach is None
                    else bridged(in_shell(spec.argv), spec.reach.port, f"{_PROXY}/{spec.reach.socket.name}")
                ),
            ]
            bounds = [*limits(spec.timeout_s, spec.memory_bytes), (resource.RLIMIT_NPROC, PROCESSES)]
            if is_host_root():
                shown = [Path(self._program), *interpreter_folders()]
                owned = [bind.path for bind in spec.binds.values()]
                if spec.reach is not None:
                    owned.append(spec.reach.socket.parent)
                command = as_user(command, shown=shown, owned=owned, limits=bounds)
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[file.fileno() for file in (bwrap_status, bwrap_go, *etc.values(), *filters)],
                start_new_session=True,
                # Not onbox's own environment, keys and all: /proc/1 shows a command what this was started with.
                env=_sweeper.environment(),
            )
            end_with(stack, process)
            bwrap_status.close()
            first = status.readline()
            if not first:
                raise BoxError(f"bubblewrap did not start: {_last_line(process.communicate()[0])}", _NEXT_STEP)
            init = json.loads(first)["child-pid"]
            try:
                init_fd = open_pidfd(stack, init)
                # The first process of the namespace waits for `go`, so that its limits hold before the command exists.
                tighten(init, [] if is_host_root() else bounds)
                die_first(init)
            except ProcessLookupError:
                last_line = _last_line(process.communicate()[0])
                raise BoxError(f"bubblewrap did not start: {last_line}", _NEXT_STEP) from None
            go.write(b"go")
            heard = attend(
                process,
                spec,
                tree_fd=init_fd,
                kill=lambda: _kill(init_fd),
                disk=DiskWatch([*(bind.path for bind in spec.binds.values() if bind.writable)], process.pid),
            )
            process.wait()
            codes = [end["exit-code"] for end in map(json.loads, status) if "exit-code" in end]
        if heard.timed_out:
            return CommandResult(None, heard.output, heard.truncated, heard.seconds, over_disk=heard.over_disk)
        if not codes:
            raise BoxError(f"bubblewrap did not start: {_last_line(heard.output)}", _NEXT_STEP)
        return CommandResult(codes[0], heard.output, heard.truncated, heard.seconds)

    def _mounts(
        self,
        binds: Mapping[str, Bind],
        etc: Mapping[str, IO[bytes]],
        reach: ReachableServer | None,
        names: Sequence[str],
    ) -> Iterator[str]:
        yield from ("--ro-bind", "/usr", "/usr")
        for name in ("bin", "sbin", "lib", "lib32", "lib64"):
            folder = Path("/", name)
            if folder.is_symlink():
                yield from ("--symlink", str(folder.readlink()), str(folder))
            elif folder.is_dir():
                yield from ("--ro-bind", str(folder), str(folder))
        for shown in (*_ETC_OF_THE_BOX, *names):
            yield from ("--ro-bind-try", shown, shown)
        for written, file in etc.items():
            yield from ("--ro-bind-data", str(file.fileno()), written)
        yield from ("--proc", "/proc", "--dev", "/dev")
        for shared in _PROC_OF_THE_BOX:
            yield from ("--ro-bind-try", shared, shared)
        for scratch in ("/tmp", "/run", _HOME, "/dev/shm"):
            yield from (*self._bounded(), "--tmpfs", scratch)
        for prefix in interpreter_folders():
            yield from ("--ro-bind", str(prefix), str(prefix))
        for name in ("python3", "python"):
            yield from ("--symlink", str(interpreter()), f"{_TOOLS}/{name}")
        if reach is not None:
            yield from ("--ro-bind", str(reach.socket.parent.resolve()), _PROXY)
        for bind in binds.values():
            yield from ("--bind" if bind.writable else "--ro-bind", str(bind.path.resolve()), bind.target)
        yield from ("--remount-ro", "/dev", "--remount-ro", "/")

    def _bounded(self) -> tuple[str, ...]:
        return ("--size", str(SCRATCH_BYTES)) if "--size" in self._options else ()


def _kill(init_fd: int) -> None:
    # The kernel ends every process of the namespace with its first one, and that one last.
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(init_fd, signal.SIGKILL)


def _memory_file(stack: ExitStack, data: bytes) -> IO[bytes]:
    file = stack.enter_context(os.fdopen(os.memfd_create("onbox"), "w+b", buffering=0))
    file.write(data)
    file.seek(0)
    return file


def _ask(program: str, option: str) -> str:
    try:
        return subprocess.run([program, option], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise BoxError(f"bubblewrap does not run: {error}", _NEXT_STEP) from error


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
