"""The module lies at its new place, every import finds it, and nothing else changed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import frame, judge
from tslib import same_as_expected


GONE = "src/util/dates.ts"
TOUCHED = {"src/main.ts", "src/util/labels.ts", "src/views/agenda.ts", "src/views/calendar.ts"}


def gate():
    same_as_expected(may_go=[GONE])
    frame(may_change=TOUCHED, may_go={GONE})


judge(gate)
