"""Pages are counted right, also where the tests do not look, and the tests are as they were."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, frame, judge, others_unchanged, run


COUNT = "from shelf.pages import page_count; result = [page_count(*item) for item in value]"
LISTING = (
    "from shelf.listing import listing; result = [listing(value, 1, 2), listing(value, 3, 2), listing(value, 1, 5)]"
)
SIZES = [[0, 5], [1, 5], [5, 5], [6, 5], [10, 5], [11, 5], [7, 1]]


def gate():
    if run(COUNT, SIZES) not in ([0, 1, 1, 2, 2, 3, 7], [1, 1, 1, 2, 2, 3, 7]):
        raise Fail("FAIL_BEHAVIOUR", "pages are not counted right")
    if run(LISTING, list("abcde")) != ["page 1 of 3: a, b", "page 3 of 3: e", "page 1 of 1: a, b, c, d, e"]:
        raise Fail("FAIL_BEHAVIOUR", "a listing is not what it should be")
    frame(may_change={"shelf/pages.py"})
    others_unchanged("shelf/pages.py", but={"page_count"})


judge(gate)
