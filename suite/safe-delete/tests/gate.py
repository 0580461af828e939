"""old_total, its helper, its export and its test are gone, and nothing else is."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import APP, Fail, frame, functions, judge, methods, names, others_unchanged, parse, run


GONE, HELPER = "old_total", "_old_rate"
HOME, EXPORT, TEST = "billing/totals.py", "billing/__init__.py", "tests/test_old.py"

BEHAVIOUR = """
import billing
from billing.invoice import Invoice, history
result = [
    billing.new_total(value), billing.new_total(value, "fr"), Invoice(value).total(), history([Invoice(value)]),
    sorted(billing.__all__),
]
"""


def gate():
    left = {GONE, HELPER} & set(functions(parse(HOME).body))
    if left:
        raise Fail("FAIL_NOT_DELETED", f"{HOME} still defines {', '.join(sorted(left))}")
    for name in (HOME, EXPORT):
        if GONE in names(parse(name)):
            raise Fail("FAIL_NAME_LEFT", f"{name} still names {GONE}")
    if (APP / TEST).exists():
        raise Fail("FAIL_TEST_LEFT", TEST)
    if GONE not in methods(parse("billing/invoice.py").body, "Invoice"):
        raise Fail("FAIL_NAMESAKE_CLOBBERED", f"Invoice has lost {GONE}")
    if run(BEHAVIOUR, [100, 50]) != [178, 180, 178, [150], ["new_total"]]:
        raise Fail("FAIL_BEHAVIOUR", "what is left behaves differently")
    frame(may_change={HOME, EXPORT}, may_go={TEST})
    others_unchanged(HOME, but={GONE, HELPER})


judge(gate)
