"""Every call of notify passes a priority or nothing, the pager and its callers stayed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, calls, frame, judge, parse, run


NAME = "notify"
CALLERS = ["desk/alarm.py", "desk/digest.py", "desk/members.py", "desk/orders.py"]

BEHAVIOUR = """
from desk import mail
from desk.alarm import alarm
from desk.digest import digest
from desk.members import join
from desk.orders import leave
leave("a")
result = [join("b"), digest("c", ["x", "y"]), alarm(["d"], value), mail.SENT]
"""

WANTED = [
    "b",
    2,
    [["d", "fire", True]],
    [
        ["a", "Your order left.", "high"],
        ["b", "Welcome.", "normal"],
        ["c", "x", "normal"],
        ["c", "y", "normal"],
        ["d", "fire", "high"],
    ],
]


def gate():
    if run(BEHAVIOUR, "fire") != WANTED:
        raise Fail("FAIL_BEHAVIOUR", "a mail or a page is not what it should be")
    for name in CALLERS:
        for call in calls(parse(name), NAME):
            if any(word.arg == "priority" and getattr(word.value, "value", "") == "normal" for word in call.keywords):
                raise Fail("FAIL_PASSED_DEFAULT", f"{name}: a false flag was to be replaced by nothing")
    frame(may_change=set(CALLERS))


judge(gate)
