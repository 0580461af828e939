"""The answer is right, however it is set."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, judge
from replylib import reply_fields


def gate():
    # The reply is folded first: Unicode dashes, quotes and spaces, and Markdown, make no difference.
    answer = reply_fields("answer")["answer"]
    if answer.removesuffix("days").strip() != "366":
        raise Fail("FAIL_ANSWER_WRONG", f"the answer is {answer!r}")


judge(gate)
