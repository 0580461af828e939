"""applyDiscount is computeDiscount in sixteen files; its namesakes kept their names."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import frame, judge
from tslib import same_as_expected


OLD, NEW = "applyDiscount", "computeDiscount"
TOUCHED = """
audit bundle cart checkout cli gift index invoice loyalty preview pricing quote refunds rules seasonal wholesale
"""


def gate():
    same_as_expected(OLD, NEW)
    frame(may_change={f"src/{name}.ts" for name in TOUCHED.split()})


judge(gate)
