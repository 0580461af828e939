"""area multiplies, perimeter still works, the test is as it was."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, frame, judge, run

CALLS = "import shapes; result = [[shapes.area(*size), shapes.perimeter(*size)] for size in value]"
SIZES = [[3, 5], [1, 1], [7, 0], [12, 9]]
RIGHT = [[15, 16], [1, 4], [0, 14], [108, 42]]
AREAS = [pair[:1] for pair in RIGHT]


def gate():
    # One run for both: each is a sandbox of its own, and costs what the rest of the gate does.
    found = run(CALLS, SIZES)
    if found != RIGHT:
        if isinstance(found, list) and [pair[:1] if isinstance(pair, list) else 0 for pair in found] == AREAS:
            raise Fail("FAIL_NEIGHBOUR_CLOBBERED", "perimeter is not what it was")
        raise Fail("FAIL_BEHAVIOUR", "area is not width times height")
    frame(may_change={"shapes.py"})


judge(gate)
