"""Pages are counted right, also where the tests do not look, and the tests are as they were."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, frame, judge, others_unchanged, run


CALLS = """
from shelf.listing import listing
from shelf.pages import page_count
items = value["items"]
counts = [page_count(*item) for item in value["sizes"]]
result = [counts, [listing(items, 1, 2), listing(items, 3, 2), listing(items, 1, 5)]]
"""
COUNTS = [[0, 1, 1, 2, 2, 3, 7], [1, 1, 1, 2, 2, 3, 7]]
LISTINGS = ["page 1 of 3: a, b", "page 3 of 3: e", "page 1 of 1: a, b, c, d, e"]
SIZES = [[0, 5], [1, 5], [5, 5], [6, 5], [10, 5], [11, 5], [7, 1]]


def gate():
    # One run for both: each is a sandbox of its own, and costs what the rest of the gate does.
    found = run(CALLS, {"sizes": SIZES, "items": list("abcde")})
    if not isinstance(found, list) or not any(found[:1] == [counts] for counts in COUNTS):
        raise Fail("FAIL_BEHAVIOUR", "pages are not counted right")
    if found[1:] != [LISTINGS]:
        raise Fail("FAIL_BEHAVIOUR", "a listing is not what it should be")
    frame(may_change={"shelf/pages.py"})
    others_unchanged("shelf/pages.py", but={"page_count"})


judge(gate)
