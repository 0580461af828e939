"""No sandbox at all: for those who ask for it by name."""

import os
import signal
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from onbox.bench.sandbox import Bind, Bounds, CommandResult, CommandSpec
from onbox.bench.sandbox.attend import DEATH_PATIENCE_S, attend, end_with, open_pidfd
from onbox.bench.sandbox.disk_watch import DiskWatch
from onbox.bench.sandbox.interior import environment, host_places, in_shell, refusal, tools
from onbox.errors import BoxError
from onbox.scratch import scratch_folder

_LOOK_EVERY_S = 0.005


class Unsafe:
    """A plain process with a clean environment, a time limit and an output limit.

    It sees and changes all that the user can, binds are where they are on the host, and a child that left its
    process group (`setsid`) outlives it. `--unsafe` is the only road to it.
    """

    name = "none"
    version = ""
    bounds = Bounds()

    def place(self, bind: Bind) -> str:
        """See `Sandbox.place`."""
        return str(bind.path.resolve())

    def run(self, spec: CommandSpec) -> CommandResult:
        """See `Sandbox.run`; only the process group is dead afterwards."""
        if refused := refusal(spec.argv, spec.env):
            return refused
        places = host_places(spec.binds)
        if not Path(places[spec.cwd]).is_dir():
            raise BoxError(f"{places[spec.cwd]}: no such folder to run a command in")
        with ExitStack() as stack:
            scratch = stack.enter_context(scratch_folder("none"))
            bin_folder = tools(scratch / "bin")
            own = environment(path=[str(bin_folder)], home=str(scratch), tmp=str(scratch))
            process = subprocess.Popen(
                in_shell(spec.argv),
                cwd=places[spec.cwd],
                env={**own, **spec.env, **places},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            end_with(stack, process)
            # The leader is reaped last, so that its number still names the group when the group is killed.
            heard = attend(
                process,
                spec,
                tree_fd=open_pidfd(stack, process.pid),
                kill=lambda: _kill_group(process),
                disk=DiskWatch([scratch, *(bind.path for bind in spec.binds.values() if bind.writable)], process.pid),
            )
            code = process.wait()
        exit_code = None if heard.timed_out else code if code >= 0 else 128 - code
        return CommandResult(exit_code, heard.output, heard.truncated, heard.seconds, over_disk=heard.over_disk)


def _kill_group(leader: subprocess.Popen[bytes]) -> None:
    """Kill all of it, and wait until none of it runs: a signal is sent at once, and obeyed a moment later."""
    deadline = time.monotonic() + DEATH_PATIENCE_S
    while _runs(leader.pid):
        with suppress(ProcessLookupError):
            os.killpg(leader.pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise BoxError("a command outlived its killing", f"look at the process group {leader.pid}")
        time.sleep(_LOOK_EVERY_S)


def _runs(group: int) -> bool:
    """Whether a process of this group is more than an entry that waits to be reaped."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            # A program's name may hold spaces and brackets; what follows its last bracket is state, parent, group.
            state, _, its_group = path.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in ("Z", "X"):
                return True
    return False
