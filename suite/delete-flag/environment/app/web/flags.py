"""Switches."""

FLAGS = {
    "search": False,
    "new_checkout": True,
    "new_checkout_banner": False,
    "short_mails": True,
}


def is_on(flag):
    """Return whether a flag is on; an unknown one is an error."""
    return FLAGS[flag]
