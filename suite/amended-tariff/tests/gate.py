"""Parcels are priced by the rules in force."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import TESTS, Fail, frame, judge, run


CALLS = """
from tariff.price import price
result = []
for parcel in value:
    result.append(price(parcel))
"""


def gate():
    cases = json.loads((TESTS / "answer.json").read_text())
    found = run(CALLS, [parcel for parcel, _ in cases])
    if not isinstance(found, list) or len(found) != len(cases):
        raise Fail("FAIL_BEHAVIOUR", "not a price for each parcel")
    for got, (parcel, wanted) in zip(found, cases, strict=True):
        if type(got) is not int or got != wanted:
            raise Fail("FAIL_PRICE", f"{got} for {json.dumps(parcel)}")
    frame(may_change={"tariff/price.py"})


judge(gate)
