"""Programs that onbox starts with a process group of their own, and does not leave behind."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress

PR_SET_PDEATHSIG = 1


def ended_with_onbox(number: signal.Signals) -> Callable[[], None]:
    """For `preexec_fn`: the kernel sends the child this signal when onbox dies, however it dies."""

    libc = ctypes.CDLL(None)

    def ask_the_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)

    return ask_the_kernel


def end_group(leader: "subprocess.Popen[bytes]", grace_s: float) -> None:
    """End a child that leads a group, and the group: asked first, killed after `grace_s` seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if leader.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(leader.pid, number)
            with suppress(subprocess.TimeoutExpired):
                leader.wait(grace_s)
