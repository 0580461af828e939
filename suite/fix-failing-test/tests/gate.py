"""area multiplies, perimeter still works, the test is as it was."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, frame, judge, run

SIZES = [[3, 5], [1, 1], [7, 0], [12, 9]]


def gate():
    if run("import shapes; result = [shapes.area(*size) for size in value]", SIZES) != [15, 1, 0, 108]:
        raise Fail("FAIL_BEHAVIOUR", "area is not width times height")
    if run("import shapes; result = [shapes.perimeter(*size) for size in value]", SIZES) != [16, 4, 14, 42]:
        raise Fail("FAIL_NEIGHBOUR_CLOBBERED", "perimeter is not what it was")
    frame(may_change={"shapes.py"})


judge(gate)
