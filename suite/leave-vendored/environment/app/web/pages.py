"""What browsers get."""

from web.encode import to_json


def page(data):
    return f"<pre>{to_json(data)}</pre>"
