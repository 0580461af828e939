"""load takes no verbose, nobody passes it one, and its namesakes elsewhere stayed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import ORIGINAL, Fail, bare, frame, functions, judge, others_unchanged, parse, run


NAME, GONE = "load", "verbose"
HOME = "feed/reader.py"
CALLERS = ["feed/command.py", "feed/count.py", "feed/merge.py"]

BEHAVIOUR = """
from feed.command import main
from feed.count import count
from feed.merge import merged
from feed.reader import header, load
result = [load(value), header(load(value)), count(value), merged([value, value[:1]]), main(value), main(value, True)]
"""

ROWS = [["x", "1"], ["y", "2"]]
WANTED = [ROWS, ROWS[0], 2, [*ROWS, ROWS[0]], "2 rows", "2 rows\nx,1\ny,2"]


def gate():
    function = functions(parse(HOME).body).get(NAME)
    if function is None or [arg.arg for arg in function.args.args] != ["path"] or function.args.kwarg:
        raise Fail("FAIL_PARAMETER_LEFT", f"{NAME} does not take (path) alone")
    if run(BEHAVIOUR, ["x,1", "y,2"]) != WANTED:
        raise Fail("FAIL_BEHAVIOUR", "callers behave differently")
    frame(may_change={HOME, *CALLERS})
    others_unchanged(HOME, but={NAME})
    was = functions(parse(HOME, ORIGINAL).body)[NAME]
    if bare(function).partition("body=")[2] != bare(was).partition("body=")[2]:
        raise Fail("FRAME_CODE_CHANGED", f"{HOME}: more than the parameter changed")


judge(gate)
