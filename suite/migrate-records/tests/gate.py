"""customers.json says what the old files said, in the new form."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import TESTS, Fail, frame, judge, read


WANTED = json.loads((TESTS / "answer.json").read_text())


def same(found, wanted):
    return type(found) is type(wanted) and found == wanted


def gate():
    try:
        found = json.loads(read("customers.json"))
    except ValueError as error:
        raise Fail("FAIL_NOT_JSON", str(error)) from None
    if not isinstance(found, dict) or found.keys() != WANTED.keys():
        raise Fail("FAIL_KEYS", "not exactly the customers")
    for name, wanted in WANTED.items():
        if not isinstance(found[name], dict) or found[name].keys() != wanted.keys():
            raise Fail("FAIL_KEYS", f"customer {name} has not exactly the keys")
        for key in wanted:
            if not same(found[name][key], wanted[key]):
                raise Fail("FAIL_VALUE", f"{key} of {name} is {str(found[name][key])[:80]}")
    frame()


judge(gate)
