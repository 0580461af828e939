"""price_label takes a currency, every call passes one, and all else is as it was."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import ORIGINAL, Fail, bare, calls, frame, functions, judge, others_unchanged, parse, run


NAME, NEW = "price_label", "currency"
HOME = "shop/labels.py"
TOUCHED = {HOME, "shop/cart.py", "shop/export.py", "shop/receipt.py", "shop/shipping.py", "tests/test_labels.py"}

BEHAVIOUR = """
from shop import shipping
from shop.cart import Cart
from shop.export import line
from shop.labels import piece_label, price_label
from shop.receipt import receipt
from shop.shelf import Shelf
result = [
    price_label(value, "USD"),
    price_label(value, currency="JPY"),
    Cart([value, 1]).footer(),
    line({"id": 7, "amount": value, "currency": "CHF"}),
    shipping.table(),
    receipt([value]),
    Shelf(value).sign(),
]
"""

WANTED = [
    "19.99 USD",
    "19.99 JPY",
    "2 pieces: 20.00 EUR",
    "7;19.99 CHF",
    {"letter": "1.10 EUR", "parcel": "5.49 EUR"},
    ["19.99 EUR"],
    "ONLY 19.99!",
]


def gate():
    function = functions(parse(HOME).body).get(NAME)
    if function is None or [arg.arg for arg in function.args.args] != ["amount", NEW]:
        raise Fail("FAIL_PARAMETER_MISSING", f"{NAME} does not take (amount, {NEW})")
    if function.args.defaults:
        raise Fail("FAIL_NOT_REQUIRED", f"{NEW} has a default")
    if run(BEHAVIOUR, 1999) != WANTED:
        raise Fail("FAIL_BEHAVIOUR", "a label is not what it should be")
    for call in calls(parse("tests/test_labels.py"), NAME):
        if len(call.args) + len(call.keywords) != 2:
            raise Fail("FAIL_CALL_LEFT", "tests/test_labels.py")
    if "EUR" not in (text := bare(parse("tests/test_labels.py"))) or text.count("assertEqual") != 2:
        raise Fail("FRAME_TESTS_CHANGED", "tests/test_labels.py")
    frame(may_change=TOUCHED)
    others_unchanged(HOME, but={NAME})
    for name in TOUCHED - {HOME}:
        if set(functions(parse(name).body)) != set(functions(parse(name, ORIGINAL).body)):
            raise Fail("FRAME_CODE_CHANGED", name)


judge(gate)
