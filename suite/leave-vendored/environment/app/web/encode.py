"""Values as text."""

import json


def to_json(value):
    return json.dumps(value, sort_keys=True)


def to_line(value):
    return to_json(value) + "\n"
