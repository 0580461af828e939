"""save of the user repositories is persist; Logger.save and Audit.save stayed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import frame, judge
from tslib import same_as_expected


OLD, NEW = "save", "persist"
TOUCHED = "admin cache importer signup users".split()


def gate():
    same_as_expected(OLD, NEW)
    frame(may_change={f"src/{name}.ts" for name in TOUCHED})


judge(gate)
