"""addNumbers is sumCents in both files, and nothing else changed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import frame, judge
from tslib import same_as_expected


OLD, NEW = "addNumbers", "sumCents"


def gate():
    same_as_expected(OLD, NEW)
    frame(may_change={"src/amounts.ts", "src/invoice.ts"})


judge(gate)
