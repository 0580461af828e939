"""An order becomes an invoice."""

from billing.amounts import cents, share
from billing.discounts import discount
from billing.lines import gathered
from billing.taxes import taxes


def build(order):
    lines = []
    for line in gathered(order["lines"]):
        amount = cents(line["price"]) * line["count"]
        amount -= share(amount, discount(line["count"], order.get("steps", [])))
        lines.append({"article": line["article"], "count": line["count"], "amount": amount, "rate": line["rate"]})
    due = taxes(lines)
    total = sum(line["amount"] for line in lines) + sum(due.values())
    return {"lines": lines, "taxes": {str(rate): due[rate] for rate in sorted(due)}, "total": total}
