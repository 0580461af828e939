"""New members."""

from desk.mail import notify


def join(user):
    notify(user, "Welcome.", False)
    return user
