#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
cat > desk/context.py <<'END'
"""What one desk knows."""


class Context:
    def __init__(self, clock, rates, prefix="D"):
        self.clock, self.rates, self.prefix = clock, rates, prefix
        self.sent, self.last = [], 0

    def now(self):
        return self.clock()
END
cat > desk/numbers.py <<'END'
"""Numbers of papers."""


def next_number(ctx):
    ctx.last += 1
    return f"{ctx.prefix}-{ctx.now()[:4]}-{ctx.last:03d}"
END
cat > desk/prices.py <<'END'
"""Prices in another currency."""


def converted(ctx, amount, currency):
    return round(amount * ctx.rates[currency])
END
cat > desk/offers.py <<'END'
"""Offers."""

from desk.numbers import next_number
from desk.prices import converted


def offer(ctx, customer, amount, currency="eur"):
    return {
        "number": next_number(ctx),
        "to": customer,
        "amount": converted(ctx, amount, currency),
        "at": ctx.now(),
    }


def is_open(ctx, paper, days=14):
    return int(ctx.now()[8:]) - int(paper["at"][8:]) <= days
END
cat > desk/orders.py <<'END'
"""Orders come of offers."""

from desk import offers
from desk.mail import send
from desk.numbers import next_number


def accept(ctx, paper):
    if not offers.is_open(ctx, paper):
        send(ctx, paper["to"], f"{paper['number']} is over")
        return None
    order = {"number": next_number(ctx), "of": paper["number"], "to": paper["to"], "amount": paper["amount"]}
    send(ctx, order["to"], f"{order['number']} for {order['amount']}")
    return order
END
cat > desk/mail.py <<'END'
"""Mail that goes out."""


def send(ctx, to, text):
    ctx.sent.append((ctx.now(), to, text))


def sent_to(ctx, to):
    return [text for _, other, text in ctx.sent if other == to]
END
cat > desk/reports.py <<'END'
"""A day in words."""

from desk import mail


def report(ctx, papers):
    total = sum(paper["amount"] for paper in papers if paper)
    names = sorted({paper["to"] for paper in papers if paper})
    lines = [f"{name}: {len(mail.sent_to(ctx, name))} mails" for name in names]
    return [f"{ctx.prefix} {ctx.now()}: {total}", *lines]
END
cat > desk/app.py <<'END'
"""A whole day."""

from desk.offers import offer
from desk.orders import accept
from desk.reports import report


def day(ctx, wishes):
    papers = [offer(ctx, *wish) for wish in wishes]
    return report(ctx, [accept(ctx, paper) for paper in papers])
END
