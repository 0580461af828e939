"""What ends a command from outside ends it in order, however often it is asked to."""

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
IMPATIENT_S = 5.0
"""A clean-up that takes longer may be left by a further interrupt."""
AGAIN_S = 0.02


class _Ending:
    """Turns the first signal into a KeyboardInterrupt; those that follow do not break the clean-up."""

    def __init__(self) -> None:
        self._first_s: float | None = None
        self._number = int(signal.SIGINT)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if self._first_s is None:
            self._number = number
            if _in_hook(frame):
                # Python drops what is raised here too.
                self.again()
                return
            self._first_s = now_s
            raise KeyboardInterrupt
        if now_s - self._first_s > IMPATIENT_S:
            # What was started is ended by whoever supervises it, as after a kill.
            os.write(2, b"onbox: left before the clean-up was over\n")
            os._exit(130)
        os.write(2, b"onbox: ending what was started; this takes a moment\n")

    def again(self) -> None:
        """Interrupt once more: the first was raised where Python drops exceptions."""
        self._first_s = None
        # The threads of `threading` take a lock to start, and the signal may have come while it was held.
        _thread.start_new_thread(self._send, ())

    def _send(self) -> None:
        """To the first thread, whose system call it must end."""
        time.sleep(AGAIN_S)
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, self._number)


class _Hook:
    """In place of `sys.unraisablehook`: an interrupt that Python drops, as in a finalizer, comes again."""

    def __init__(self, ending: _Ending) -> None:
        self._ending = ending
        self.before = sys.unraisablehook

    def __call__(self, dropped: "sys.UnraisableHookArgs") -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            self._ending.again()
        else:
            self.before(dropped)


def _in_hook(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code is not _Hook.__call__.__code__:
        frame = frame.f_back
    return frame is not None


@contextmanager
def _none_dropped(ending: _Ending) -> Iterator[None]:
    hook = _Hook(ending)
    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = hook.before


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
        with _none_dropped(ending):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if last else handler)
