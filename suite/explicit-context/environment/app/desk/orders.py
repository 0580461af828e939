"""Orders come of offers."""

from desk import offers
from desk.mail import send
from desk.numbers import next_number


def accept(paper):
    if not offers.is_open(paper):
        send(paper["to"], f"{paper['number']} is over")
        return None
    order = {"number": next_number(), "of": paper["number"], "to": paper["to"], "amount": paper["amount"]}
    send(order["to"], f"{order['number']} for {order['amount']}")
    return order
