"""count_words counts what white space separates; the test is as it was."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, frame, functions, judge, parse, run

TEXTS = ["to be or not", "", "one", "  two   words ", "a\tb\nc d\n", "\n\t "]


def gate():
    if "count_words" not in functions(parse("words.py").body):
        raise Fail("FAIL_FUNCTION_MISSING", "words.py defines no count_words")
    if run("import words; result = [words.count_words(text) for text in value]", TEXTS) != [4, 0, 1, 2, 4, 0]:
        raise Fail("FAIL_BEHAVIOUR", "count_words is wrong on some text")
    frame(may_change={"words.py"})


judge(gate)
