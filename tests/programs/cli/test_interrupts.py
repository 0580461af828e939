"""A signal ends a command in order, wherever in it the signal arrives."""

import signal
import subprocess
import sys

import pytest

# Whoever runs these tests in the background of a shell has SIGINT ignored, and a child inherits that.
IN_A_FINALIZER = """
import gc, os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from onbox.cli.interrupts import interruptible

class Finalized:
    def __del__(self):
        os.kill(os.getpid(), {number})
        for _ in range(1000):
            pass

try:
    with interruptible(last=True):
        {drop}
        os.write(1, b"went on\\n")  # in one piece, or not at all: the interrupt may come at once
        time.sleep(30)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("drop", ["Finalized()", "a = Finalized(); a.itself = a; del a; gc.collect()"])
def test_an_interrupt_that_python_drops_comes_again(number: int, drop: str) -> None:
    program = IN_A_FINALIZER.format(number=int(number), drop=drop)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)
    assert done.stdout.removeprefix("went on\n") == "interrupted\n", done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_comes_again_that_came_while_something_dropped_was_reported(number: int) -> None:
    program = f"""
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from onbox.cli.interrupts import interruptible

class Finalized:
    def __del__(self):
        raise ValueError("in a finalizer")

def slow_report(dropped):
    os.kill(os.getpid(), {int(number)})
    for _ in range(1000):
        pass
    print(dropped.exc_value, flush=True)

sys.unraisablehook = slow_report
try:
    with interruptible(last=True):
        Finalized()
        os.write(1, b"went on\\n")  # in one piece, or not at all: the interrupt may come at once
        time.sleep(30)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)
    assert done.stdout.replace("went on\n", "") == "in a finalizer\ninterrupted\n"
    assert done.stderr == ""


def test_what_else_python_drops_is_reported_as_before() -> None:
    program = """
from onbox.cli.interrupts import interruptible

class Finalized:
    def __del__(self):
        raise ValueError("in a finalizer")

with interruptible():
    Finalized()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)
    assert "ValueError: in a finalizer" in done.stderr


WHILE_IMPORTED = """
import os, runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            os.kill(os.getpid(), signal.SIGINT)
        return None

sys.meta_path.insert(0, Interrupts())
sys.argv = ["onbox", "ps"]
runpy.run_module("onbox", run_name="__main__")
"""


def test_an_interrupt_while_it_is_still_imported_says_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", WHILE_IMPORTED], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_an_interrupt_that_is_ignored_stays_so() -> None:
    """As under nohup, or in the background of a shell without jobs."""
    program = WHILE_IMPORTED.replace("sys.meta_path", "signal.signal(signal.SIGINT, signal.SIG_IGN)\nsys.meta_path")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
