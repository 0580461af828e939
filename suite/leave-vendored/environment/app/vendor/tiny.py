"""tiny 1.4, from elsewhere."""

import json


def to_json(value):
    return json.dumps(value, separators=(",", ":"))
