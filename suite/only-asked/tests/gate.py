"""The answer is right, and all files are as they were."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import TESTS, Fail, frame, judge
from replylib import reply_fields


WANTED = json.loads((TESTS / "answer.json").read_text())


def gate():
    found = reply_fields(*WANTED)
    if found["result"] != WANTED["result"]:
        raise Fail("FAIL_ANSWER_WRONG", f"result is {found['result']!r}")
    frame()


judge(gate)
