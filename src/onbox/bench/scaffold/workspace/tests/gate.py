"""greet says what was asked for, and nothing else changed.

tests/original is what the agent got; a change below environment/app must be made there too.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, frame, judge, run


def gate():
    # Judge what the code does: the snippet runs in a child process that sees `value` and never what is expected.
    if run("from greet import greet; result = [greet(name) for name in value]", ["Ada", "Bo"]) != [
        "Hello, Ada!",
        "Hello, Bo!",
    ]:
        raise Fail("FAIL_BEHAVIOUR", "greet does not say Hello, NAME!")
    if run("from greet import part; result = part(value)", "Ada") != "Bye Ada":
        raise Fail("FAIL_NEIGHBOUR_CLOBBERED", "part is not what it was")
    frame(may_change={"greet.py"})


judge(gate)
