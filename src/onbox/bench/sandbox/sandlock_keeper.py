"""The process that holds one sandlock sandbox, run as a script of its own: `sandlock_keeper.py CONTROL STATUS`.

sandlock ends its tree when it is asked to, but when its own process is killed, what had left the process group lives
on. So onbox never holds a sandbox itself. The keeper does, and ends the tree as soon as the pipe CONTROL closes,
which it does however onbox dies. CONTROL first carries one JSON line, the request; STATUS takes one JSON object,
`{"exit_code": 0}` or `{"error": "why"}`. Standard input and output are those of the command.
"""

import base64
import ctypes
import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITIES = 64
_OOM_SCORE = "500"


def main(control_fd: int, status_fd: int) -> None:
    """Run the request that arrives on `control_fd`; return when nothing of it is left."""
    for fd in (control_fd, status_fd):
        os.set_inheritable(fd, False)
    with open(control_fd, "rb", closefd=False) as control:
        line = control.readline()
    if not line.endswith(b"\n"):
        return
    try:
        end: dict[str, Any] = {"exit_code": _hold(json.loads(line), control_fd)}
    except Exception as error:
        end = {"error": f"{type(error).__name__}: {error}"}
    end_descendants()
    with open(status_fd, "w") as status:
        json.dump(end, status)


def _hold(request: dict[str, Any], control_fd: int) -> int:
    inherit_orphans()
    with suppress(OSError):
        # Where the box has no memory left it dies before a gate, onbox or an engine.
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)
    for which, value in request["limits"]:
        _, hard = resource.getrlimit(which)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (bound, bound))
    for capability in range(_CAPABILITIES):
        # Root's command must start without capabilities; for others there is nothing to drop and this is refused.
        _prctl(_PR_CAPBSET_DROP, capability)
    if request["filter"]:
        refuse(base64.b64decode(request["filter"]))

    import sandlock

    sandbox = sandlock.Sandbox(
        fs_readable=request["readable"],
        fs_writable=request["writable"],
        cwd=request["cwd"],
        clean_env=True,
        env=request["env"],
        max_processes=request["processes"],
        max_memory=request["memory_bytes"],
        net_allow=[request["reach"]] if request["reach"] else [],
    )
    process = sandbox.popen(request["argv"])
    threading.Thread(target=_kill_when_closed, args=(control_fd, process), daemon=True).start()
    result = process.wait()
    if result.error:
        raise RuntimeError(result.error)
    if result.reason is sandlock.ExitReason.EXITED:
        return int(result.exit_code)
    return 128 + (result.signal if result.signal > 0 else signal.SIGKILL)


def _kill_when_closed(control_fd: int, process: Any) -> None:
    os.read(control_fd, 1)
    # By number and not by group: a command may have left its group.
    if pid := process.pid:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("lines", ctypes.c_char_p)]


def refuse(program: bytes) -> None:
    """Hold this process, and all that it starts from now on, to a filter of system calls (`seccomp.program`).

    Raises:
        OSError: the kernel does not take it.
    """
    whole = _Program(len(program) // 8, program)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(whole)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"the kernel takes no filter of system calls: {os.strerror(code)}")


def inherit_orphans() -> None:
    """Become the parent of every descendant whose own parent dies."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_descendants() -> None:
    """Kill children until there are none; after `inherit_orphans` that is every descendant.

    sandlock 0.9.0 has done so already when its own wait ends; this is for when it fails on the way.
    """
    while True:
        try:
            reaped, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if reaped == 0:
            for pid in _children():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(-1, 0)


def _children() -> Iterator[int]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # pid (name) state parent ...: the name may hold spaces and brackets.
            parent = stat.read_text(errors="replace").rpartition(")")[2].split()[1]
            if int(parent) == os.getpid():
                yield int(stat.parent.name)


def _prctl(option: int, value: int, pointer: int = 0) -> int:
    # As the kernel takes them: a number that is wider than an int would be cut.
    words = [ctypes.c_ulong(word) for word in (value, pointer, 0, 0)]
    return int(ctypes.CDLL(None, use_errno=True).prctl(option, *words))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
