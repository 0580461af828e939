"""overlaps tells spans apart, length still works, the test is as it was."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, frame, judge, run_node


PAIRS = [[1, 4, 3, 5], [1, 3, 3, 5], [3, 5, 1, 3], [1, 2, 4, 5], [4, 5, 1, 2], [1, 9, 3, 4], [3, 4, 1, 9], [1, 3, 1, 3]]

SNIPPET = """
const [app, data] = process.argv.slice(1);
const { overlaps, length } = await import(`file://${app}/src/spans.mjs`);
const pairs = JSON.parse(data).map(([a, b, c, d]) => [{ start: a, end: b }, { start: c, end: d }]);
console.log("RESULT " + JSON.stringify([pairs.map(([one, two]) => overlaps(one, two)), pairs.map(([one]) => length(one))]));
"""


def gate():
    found = run_node(SNIPPET, PAIRS)
    if found != [[True, False, False, False, False, True, True, True], [3, 2, 2, 1, 1, 8, 1, 2]]:
        raise Fail("FAIL_BEHAVIOUR", "overlaps or length is wrong")
    frame(may_change={"src/spans.mjs"})


judge(gate)
