"""What stands above the page."""

from web.flags import is_on


def banner():
    return "Try it!" if is_on("new_checkout_banner") else ""
