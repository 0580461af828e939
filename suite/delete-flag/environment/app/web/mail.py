"""What customers are told."""

from web.flags import is_on


def confirmation(order):
    subject = "Your order" if is_on("new_checkout") else "Order received"
    body = "Thanks." if is_on("short_mails") else "Thank you very much."
    return f"{subject} {order}: {body}"
