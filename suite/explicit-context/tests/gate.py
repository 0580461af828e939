"""All functions work on the context that they are given, and two contexts share nothing."""

import ast
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import APP, Fail, frame, functions, judge, parse, run


WANTED = {
    "numbers": ["next_number"],
    "prices": ["converted"],
    "offers": ["offer", "is_open"],
    "orders": ["accept"],
    "mail": ["send", "sent_to"],
    "reports": ["report"],
    "app": ["day"],
}

CALLS = """
from desk import app, mail, numbers, offers, orders, prices, reports
from desk.context import Context
today = ["2031-05-02"]
one = Context(lambda: today[0], {"eur": 1, "usd": 1.5})
two = Context(lambda: "1999-12-09", {"eur": 2}, "X")
result = [app.day(one, [("ann", 10), ("bob", 7, "usd")]), numbers.next_number(two), numbers.next_number(one)]
late = offers.offer(one, "cy", 30)
result += [late, offers.is_open(one, late), prices.converted(two, 4, "eur")]
today[0] = "2031-05-20"
result += [offers.is_open(one, late), offers.is_open(one, late, days=18), orders.accept(one, late), offers.offer(two, "dee", 3)]
mail.send(two, "ann", "hello")
result += [mail.sent_to(one, "ann"), mail.sent_to(two, "ann"), one.sent, two.sent]
three = Context(clock=lambda: "2020-01-01", rates={}, prefix="T")
result += [numbers.next_number(three), three.sent, reports.report(one, [None, {"amount": 5, "to": "cy"}])]
result += [reports.report(two, [])]
"""

RIGHT = [
    ["D 2031-05-02: 20", "ann: 1 mails", "bob: 1 mails"],
    "X-1999-001",
    "D-2031-005",
    {"number": "D-2031-006", "to": "cy", "amount": 30, "at": "2031-05-02"},
    True,
    8,
    False,
    True,
    None,
    {"number": "X-1999-002", "to": "dee", "amount": 6, "at": "1999-12-09"},
    ["D-2031-003 for 10"],
    ["hello"],
    [
        ["2031-05-02", "ann", "D-2031-003 for 10"],
        ["2031-05-02", "bob", "D-2031-004 for 10"],
        ["2031-05-20", "cy", "D-2031-006 is over"],
    ],
    [["1999-12-09", "ann", "hello"]],
    "T-2020-001",
    [],
    ["D 2031-05-20: 5", "cy: 1 mails"],
    ["X 1999-12-09: 0"],
]


def gate():
    if (APP / "desk/state.py").exists():
        raise Fail("FAIL_STATE_LEFT", "desk/state.py is still there")
    for module, names in WANTED.items():
        tree = parse(f"desk/{module}.py")
        found = functions(tree.body)
        for name in names:
            if name not in found or not found[name].args.args:
                raise Fail("FAIL_SIGNATURE", f"{name} of desk/{module}.py takes no context")
        if any(isinstance(node, ast.Global) for node in ast.walk(tree)):
            raise Fail("FAIL_STATE_LEFT", f"desk/{module}.py keeps state")
        for node in tree.body:
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
                raise Fail("FAIL_STATE_LEFT", f"desk/{module}.py keeps state")
    if run(CALLS) != RIGHT:
        raise Fail("FAIL_BEHAVIOUR", "the desks do otherwise than before, or share something")
    frame(may_change={f"desk/{module}.py" for module in WANTED}, may_go={"desk/state.py"})


judge(gate)
