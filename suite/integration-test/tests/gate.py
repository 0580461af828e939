"""Invoices are right for orders that the test does not have, and the tests are as they were."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, frame, functions, judge, parse, run


CALLS = """
from billing.amounts import cents, share
from billing.discounts import discount
from billing.invoice import build
from billing.lines import gathered
result = {
    "orders": [build(order) for order in value["orders"]],
    "cents": [cents(text) for text in value["texts"]],
    "given": value["orders"][0]["lines"],
    "gathered": gathered(value["orders"][1]["lines"]),
    "share": [share(amount, 7) for amount in range(0, 60, 7)],
    "discount": [discount(count, value["orders"][0]["steps"]) for count in range(0, 14)],
}
"""


def order(seed):
    state = seed * 7919 + 13
    lines = []
    for _ in range(3 + seed % 9):
        state = (state * 1103515245 + 12345) % 2**31
        price = f"{state % 97}.{state // 97 % 100:02d}"
        article, count, rate = ("pen", "ink", "pad")[state // 7 % 3], 1 + state // 11 % 6, (7, 19)[state // 13 % 2]
        lines.append({"article": article, "price": price if state % 3 else "19.99", "count": count, "rate": rate})
    return {"steps": [{"from": 10, "percent": 5}, {"from": 3, "percent": 2}, {"from": 5, "percent": 3}], "lines": lines}


def half_up(amount, percent):
    return (amount * percent + 50) // 100


def whole(text):
    euros, _, rest = text.partition(".")
    return int(euros) * 100 + int((rest + "00")[:2])


def together(lines):
    found = {}
    for line in lines:
        key = (line["article"], line["price"])
        if key in found:
            found[key]["count"] += line["count"]
        else:
            found[key] = dict(line)
    return list(found.values())


def right(given):
    lines, sums = [], {}
    for line in together(given["lines"]):
        amount = whole(line["price"]) * line["count"]
        best = max((step for step in given["steps"] if line["count"] >= step["from"]), key=lambda s: s["from"], default=None)
        amount -= half_up(amount, best["percent"] if best else 0)
        lines.append({"article": line["article"], "count": line["count"], "amount": amount, "rate": line["rate"]})
        sums[line["rate"]] = sums.get(line["rate"], 0) + amount
    taxes = {str(rate): half_up(sums[rate], rate) for rate in sorted(sums)}
    return {"lines": lines, "taxes": taxes, "total": sum(line["amount"] for line in lines) + sum(taxes.values())}


def gate():
    orders = [order(seed) for seed in range(60)]
    texts = [f"{euros}.{rest:02d}" for euros in (0, 1, 8, 17, 19, 64, 1001) for rest in range(0, 100, 3)] + ["5", "2.5"]
    found = run(CALLS, {"orders": orders, "texts": texts})
    if found["cents"] != [whole(text) for text in texts]:
        raise Fail("FAIL_BEHAVIOUR", "prices do not become the right cents")
    if found["orders"] != [right(given) for given in orders]:
        raise Fail("FAIL_BEHAVIOUR", "an invoice is wrong")
    if found["given"] != orders[0]["lines"]:
        raise Fail("FRAME_CODE_CHANGED", "the order that was given is changed")
    if found["gathered"] != together(orders[1]["lines"]):
        raise Fail("FAIL_BEHAVIOUR", "lines are not gathered by article and price")
    if found["share"] != [half_up(amount, 7) for amount in range(0, 60, 7)]:
        raise Fail("FRAME_CODE_CHANGED", "share of amounts.py is another")
    if found["discount"] != [0, 0, 0, 2, 2, 3, 3, 3, 3, 3, 5, 5, 5, 5]:
        raise Fail("FRAME_CODE_CHANGED", "discount of discounts.py is another")
    for name, wanted in {"amounts": {"cents", "share"}, "lines": {"gathered"}, "taxes": {"taxes"}}.items():
        if not wanted <= set(functions(parse(f"billing/{name}.py").body)):
            raise Fail("FRAME_CODE_CHANGED", f"billing/{name}.py lost a function")
    frame(may_change={"billing/amounts.py", "billing/lines.py", "billing/taxes.py"})


judge(gate)
