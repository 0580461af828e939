"""parse_amount lies in tools/money.py and only there; its callers work, and nothing else changed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import ORIGINAL, Fail, bare, frame, functions, judge, names, others_unchanged, parse, run


MOVED = "parse_amount"
OLD, NEW = "tools/text.py", "tools/money.py"
CALLERS = ["shop/imports.py", "shop/orders.py", "shop/refunds.py"]

BEHAVIOUR = """
from shop import legacy
from shop.imports import rows
from shop.orders import order
from shop.refunds import refund
from tools.money import parse_amount
result = [parse_amount(value), order("ink  pot " + value), refund(value, 50), rows(["Ada Byron;" + value]), legacy.total(["5", "7"])]
"""


def gate():
    if MOVED not in functions(parse(NEW).body):
        raise Fail("FAIL_NOT_MOVED", f"{NEW} defines no {MOVED}")
    if MOVED in names(parse(OLD)):
        raise Fail("FAIL_OLD_PLACE_LEFT", f"{OLD} still knows {MOVED}")
    if run(BEHAVIOUR, "12,34") != [1234, ["ink pot", 1234], 617, {"AB": 1234}, 12]:
        raise Fail("FAIL_BEHAVIOUR", "callers behave differently")
    frame(may_change={OLD, NEW, *CALLERS})
    was, is_ = functions(parse(OLD, ORIGINAL).body)[MOVED], functions(parse(NEW).body)[MOVED]
    if bare(was) != bare(is_):
        raise Fail("FRAME_CODE_CHANGED", f"{NEW}: {MOVED} is not what it was")
    for name in (OLD, NEW):
        others_unchanged(name, but={MOVED})
    for name in ("shop/orders.py", "shop/refunds.py"):
        others_unchanged(name)


judge(gate)
