"""The second tier: Landlock and seccomp by the sandlock package, for boxes without user namespaces or bubblewrap."""

import base64
import json
import subprocess
import sys
from contextlib import ExitStack, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from onbox.bench.sandbox import MEMORY_BYTES, Bind, Bounds, CommandResult, CommandSpec, seccomp
from onbox.bench.sandbox.attend import attend, end_with, open_pidfd, pipe
from onbox.bench.sandbox.disk_watch import DiskWatch
from onbox.bench.sandbox.interior import (
    PROCESSES,
    environment,
    host_places,
    in_shell,
    interpreter,
    interpreter_folders,
    limits,
    refusal,
    tools,
)
from onbox.bench.sandbox.unprivileged import as_user, is_host_root
from onbox.errors import BoxError, install_extra
from onbox.scratch import scratch_folder

_KEEPER = Path(__file__).with_name("sandlock_keeper.py")
_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/proc"),
    *("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"),
    *("/etc/alternatives", "/etc/ssl", "/etc/pki", "/etc/ld.so.cache", "/etc/localtime"),
    *("/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/bash.bashrc"),
)
_NEXT_STEP = f"{install_extra('embedded')}; sandlock needs Linux 6.12 or later with Landlock"


class Sandlock:
    """No network, only the binds to read or write, no other processes in sight, a private home and TMPDIR.

    Binds stay at their paths on the host. sandlock can show them elsewhere (`chroot` with `fs_mount`), but its 0.9.0
    then carries out deletions under a mapped folder on the host's own files, so that road is not taken.

    What Landlock does not govern is refused by a filter of system calls (`seccomp.py`), where tasks can do without it.
    What stays open: names and sizes of the box's files can be seen, and the mode, owner and times of the user's own
    files can be changed (`chmod`), even where reading and writing them is refused; the numbers of the box's processes
    can be found out. /tmp and /dev/shm are closed, so that `multiprocessing` locks do not work. Memory is bounded for
    the whole tree.

    Raises:
        BoxError: sandlock is not installed.
    """

    name = "sandlock"

    def __init__(self) -> None:
        try:
            self.version = version("sandlock")
        except PackageNotFoundError as error:
            raise BoxError("sandlock is not installed", _NEXT_STEP) from error
        self.bounds = Bounds(2 * MEMORY_BYTES, "command", PROCESSES)

    def place(self, bind: Bind) -> str:
        """See `Sandbox.place`."""
        return str(bind.path.resolve())

    def run(self, spec: CommandSpec) -> CommandResult:
        """See `Sandbox.run`."""
        if refused := refusal(spec.argv, spec.env):
            return refused
        if spec.network:
            raise BoxError(
                "sandlock cannot give a command a network", "apt install bubblewrap, or set ONBOX_SANDBOX=docker"
            )
        places = host_places(spec.binds)
        with ExitStack() as stack:
            scratch = stack.enter_context(scratch_folder("sandlock")).resolve()
            bin_folder, home, tmp = tools(scratch / "bin"), scratch / "home", scratch / "tmp"
            for folder in (home, tmp):
                folder.mkdir()
            path = [str(bin_folder), str(interpreter().parent)]
            request = {
                "argv": in_shell(spec.argv),
                "cwd": places[spec.cwd],
                "env": {**environment(path=path, home=str(home), tmp=str(tmp)), **spec.env, **places},
                "readable": [
                    *(folder for folder in _SYSTEM if Path(folder).exists()),
                    *map(str, interpreter_folders()),
                    str(bin_folder),
                    *(places[name] for name, bind in spec.binds.items() if not bind.writable),
                ],
                "writable": [
                    *("/dev/null", str(home), str(tmp)),
                    *(places[name] for name, bind in spec.binds.items() if bind.writable),
                ],
                "processes": PROCESSES,
                "memory_bytes": 2 * spec.memory_bytes,
                "limits": list(limits(spec.timeout_s, spec.memory_bytes)),
                "filter": base64.b64encode(seccomp.program(seccomp.WITHOUT_NAMESPACES) or b"").decode(),
                "reach": None if spec.reach is None else f"tcp://127.0.0.1:{spec.reach.port}",
            }
            keeper_control, control = pipe(stack)
            status, keeper_status = pipe(stack)
            fds = (keeper_control.fileno(), keeper_status.fileno())
            command = [sys.executable, "-I", str(_KEEPER), *map(str, fds)]
            if is_host_root():
                shown = [Path(sys.prefix), _KEEPER, *interpreter_folders()]
                owned = [scratch, *(bind.path for bind in spec.binds.values())]
                command = as_user(command, shown=shown, owned=owned, limits=(), scratch=scratch)
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=fds,
                start_new_session=True,
            )
            end_with(stack, process)
            keeper_control.close()
            keeper_status.close()
            with suppress(BrokenPipeError):
                control.write(json.dumps(request).encode() + b"\n")
            heard = attend(
                process,
                spec,
                tree_fd=open_pidfd(stack, process.pid),
                kill=control.close,
                disk=DiskWatch([scratch, *(bind.path for bind in spec.binds.values() if bind.writable)], process.pid),
            )
            end = json.loads(status.read() or b"{}")
        if heard.timed_out:
            return CommandResult(None, heard.output, heard.truncated, heard.seconds, over_disk=heard.over_disk)
        if "exit_code" not in end:
            lines = heard.output.decode(errors="replace").strip().splitlines() or ["its keeper died"]
            raise BoxError(f"sandlock did not start: {end.get('error', lines[-1])}", _NEXT_STEP)
        return CommandResult(end["exit_code"], heard.output, heard.truncated, heard.seconds)
