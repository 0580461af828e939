"""Wait for what happens in other processes, without a guess of how long it takes."""

import time
from collections.abc import Callable
from typing import Any

import psutil


def until(condition: Callable[[], Any], within_s: float = 60.0) -> Any:
    """The first true value of `seen`."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
    return value


def gone(pid: int) -> bool:
    """Whether a process is dead, reaped or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
