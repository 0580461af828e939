"""Mails to users."""

SENT = []


def notify(user, text, *, priority="normal"):
    """Send a text to a user."""
    if priority not in ("normal", "high"):
        raise ValueError(priority)
    SENT.append((user, text, priority))
