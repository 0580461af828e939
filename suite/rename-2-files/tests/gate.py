"""add_numbers is sum_cents in both files, and nothing else changed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, frame, functions, judge, names, parse, python_files, run, same_but_renamed

OLD, NEW = "add_numbers", "sum_cents"
TOUCHED = {"ledger/amounts.py", "ledger/invoice.py"}

BEHAVIOUR = """
from ledger.amounts import sum_cents
from ledger.invoice import Invoice
invoice = Invoice([("a", value[0]), ("b", value[1])])
result = [sum_cents(value), invoice.net(), invoice.gross(10), invoice.footer()]
"""


def gate():
    if NEW not in functions(parse("ledger/amounts.py").body):
        raise Fail("FAIL_TARGET_NOT_RENAMED", f"ledger/amounts.py defines no {NEW}")
    for name in python_files():
        if OLD in names(parse(name)):
            raise Fail("FAIL_OLD_NAME_LEFT", name)
    if run(BEHAVIOUR, [1200, 34, 5]) != [1239, 1234, 1847, "To be paid: 19.58 EUR"]:
        raise Fail("FAIL_BEHAVIOUR", "sums or invoices changed")
    frame(may_change=TOUCHED)
    for name in sorted(TOUCHED):
        same_but_renamed(name, NEW, OLD)


judge(gate)
