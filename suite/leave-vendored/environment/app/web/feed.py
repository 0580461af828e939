"""What programs get."""

from vendor import tiny
from web import encode


def feed(items):
    return tiny.to_json([encode.to_json(item) for item in items])
