"""A new basket is empty, one that is given articles has them, and the tests are as they were."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, frame, judge, methods, parse, run


CALLS = """
from basket.basket import Basket
first, second = Basket(), Basket()
first.add("pen").add("ink")
given = Basket(["ink", "pen"])
result = [list(second.articles), list(first.articles), Basket().total(), given.total(), first.add("pen") is first, first.total()]
"""


def gate():
    if run(CALLS) != [[], ["pen", "ink"], 0, 1049, True, 1299]:
        raise Fail("FAIL_BEHAVIOUR", "baskets still share, or have lost what they are given")
    if set(methods(parse("basket/basket.py").body, "Basket")) != {"__init__", "add", "total"}:
        raise Fail("FRAME_CODE_CHANGED", "basket/basket.py: Basket has other methods")
    frame(may_change={"basket/basket.py"})


judge(gate)
