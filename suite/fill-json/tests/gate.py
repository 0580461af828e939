"""config.json holds the four values, and nothing else changed."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, frame, judge, read

WANTED = {"name": "demo", "host": "127.0.0.1", "port": 8080, "debug": False}


def gate():
    try:
        found = json.loads(read("config.json"))
    except (ValueError, RecursionError) as error:
        raise Fail("FAIL_NOT_JSON", str(error)) from None
    if not isinstance(found, dict) or found.keys() != WANTED.keys():
        raise Fail("FAIL_KEYS", f"not exactly {', '.join(WANTED)}")
    for key, wanted in WANTED.items():
        if found[key] != wanted or type(found[key]) is not type(wanted):
            raise Fail("FAIL_VALUE", f"{key} is {found[key]!r}")
    frame(may_change={"config.json"})


judge(gate)
