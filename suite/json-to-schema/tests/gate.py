"""people.json holds everybody in the asked form, and nothing else changed."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import TESTS, Fail, frame, judge, read


WANTED = json.loads((TESTS / "answer.json").read_text())


def gate():
    try:
        found = json.loads(read("people.json"))
    except (ValueError, RecursionError) as error:
        raise Fail("FAIL_NOT_JSON", str(error)) from None
    if not isinstance(found, dict) or found.keys() != {"people"} or not isinstance(found["people"], list):
        raise Fail("FAIL_FORM", "not an object with the list people")
    if len(found["people"]) != len(WANTED["people"]):
        raise Fail("FAIL_COUNT", f"{len(found['people'])} people in place of {len(WANTED['people'])}")
    for number, (person, wanted) in enumerate(zip(found["people"], WANTED["people"], strict=True), 1):
        if not isinstance(person, dict) or person.keys() != wanted.keys():
            raise Fail("FAIL_KEYS", f"person {number} has not exactly {', '.join(wanted)}")
        for key, value in wanted.items():
            if person[key] != value or type(person[key]) is not type(value):
                raise Fail("FAIL_VALUE", f"person {number}: {key} is {person[key]!r}")
    frame()


judge(gate)
