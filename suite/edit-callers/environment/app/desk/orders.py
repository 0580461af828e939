"""Orders on their way."""

from desk.mail import notify


def leave(user):
    notify(user, "Your order left.", True)
