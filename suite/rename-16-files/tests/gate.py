"""apply_discount is compute_discount in sixteen files; its namesakes kept their names."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, frame, functions, judge, names, parse, python_files, run, same_but_renamed

OLD, NEW = "apply_discount", "compute_discount"
TOUCHED = {
    "shop/__init__.py",
    "shop/audit.py",
    "shop/bundle.py",
    "shop/cart.py",
    "shop/checkout.py",
    "shop/cli.py",
    "shop/invoice.py",
    "shop/loyalty.py",
    "shop/preview.py",
    "shop/pricing.py",
    "shop/quote.py",
    "shop/refunds.py",
    "shop/rules.py",
    "shop/seasonal.py",
    "shop/wholesale.py",
    "tests/test_pricing.py",
}

METRIC = """
from shop import metrics
from shop.cart import Cart
from shop.checkout import checkout
checkout(Cart(["pen"]))
result = sorted(metrics.COUNTS)
"""

BEHAVIOUR = """
from shop import *
from shop import audit, bundle, cart, checkout, cli, invoice, loyalty, preview, quote, refunds, rules, seasonal
from shop import wholesale
price, percent = value
result = [
    compute_discount(price, percent),
    cart.Cart(["pen", "desk"], percent).total(),
    checkout.checkout(cart.Cart(["ink"]), "friend"),
    invoice.line("ink", percent),
    quote.quote("pen", 12),
    bundle.bundle_price(["pen", "ink"]),
    loyalty.loyal_price(price, 25),
    [seasonal.summer_price(price), seasonal.winter_price(price)],
    [rules.RULES[name](price) for name in ("none", "half", "staff")],
    [refunds.refund("desk", percent, 3), refunds.refund("desk", percent, 30)],
    wholesale.reseller_prices(["pen", "ink"]),
    preview.preview(price, percent),
    audit.wrong_orders([[1, 1000, 10, 900], [2, 1000, 10, 901]]),
    cli.main(["desk", "50"]),
]
"""

EXPECTED = [
    870,
    21880,
    679,
    "ink: 6.95",
    2400,
    923,
    950,
    [700, 750],
    [1000, 500, 650],
    [21663, 19496],
    {"pen": 150, "ink": 479},
    {"before": 1000, "after": 870},
    [2],
    "12450",
]


def gate():
    if NEW not in functions(parse("shop/pricing.py").body):
        raise Fail("FAIL_TARGET_NOT_RENAMED", f"shop/pricing.py defines no {NEW}")
    for name in python_files():
        if OLD in names(parse(name)):
            raise Fail("FAIL_OLD_NAME_LEFT", name)
    if "apply_discount_code" not in functions(parse("shop/codes.py").body):
        raise Fail("FAIL_NAMESAKE_CLOBBERED", "shop/codes.py: apply_discount_code is gone")
    if run(METRIC) != ["apply_discount.calls"]:
        raise Fail("FAIL_METRIC_CLOBBERED", "shop/checkout.py counts under another name")
    if run(BEHAVIOUR, [1000, 13]) != EXPECTED:
        raise Fail("FAIL_BEHAVIOUR", "prices changed")
    frame(may_change=TOUCHED)
    for name in sorted(TOUCHED):
        same_but_renamed(name, NEW, OLD)


judge(gate)
