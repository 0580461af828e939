"""What ends a command from outside ends it in order, however often it is asked to."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
IMPATIENT_S = 5.0
"""A clean-up that takes longer may be left by a further interrupt."""


class _Ending:
    """Turns the first signal into a KeyboardInterrupt; those that follow do not break the clean-up."""

    def __init__(self) -> None:
        self._first_s: float | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if self._first_s is None:
            self._first_s = now_s
            raise KeyboardInterrupt
        if now_s - self._first_s > IMPATIENT_S:
            # What was started is ended by whoever supervises it, as after a kill.
            os.write(2, b"onbox: left before the clean-up was over\n")
            os._exit(130)
        os.write(2, b"onbox: ending what was started; this takes a moment\n")


@contextmanager
def interruptible(*, last: bool = False) -> Iterator[None]:
    """SIGTERM, and SIGHUP of a terminal that is closed, act like Ctrl-C: what was started is stopped, once.

    A signal that is ignored already, as under nohup, stays ignored.

    Args:
        last: the process ends after the body, and an interrupt on its way out changes nothing any more.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ending = _Ending()
    before = {number: signal.getsignal(number) for number in NUMBERS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, ending)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if last else handler)
