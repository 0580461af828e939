"""Offers."""

from desk import state
from desk.numbers import next_number
from desk.prices import converted


def offer(customer, amount, currency="eur"):
    return {"number": next_number(), "to": customer, "amount": converted(amount, currency), "at": state.now()}


def is_open(paper, days=14):
    return int(state.now()[8:]) - int(paper["at"][8:]) <= days
