"""Evaluate a small language of expressions as its description says."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, frame, judge, run


CALLS = """
from calc.language import ExpressionError, evaluate
result = []
for text, names in value:
    before = dict(names)
    try:
        found = evaluate(text, names)
        result.append([type(found).__name__, found])
    except ExpressionError as error:
        result.append(["mistake", error.position])
    if names != before:
        result.append("names changed")
"""
RIGHT = [
    ("1 + 2*3", 7), ("(1+2)*3", 9), ("7 - 2 - 1", 4), ("8 / 2 / 2", 2.0), ("2^3^2", 512), ("-2^2", -4), ("2^-1", 0.5),
    ("--3", 3), ("2 * -3", -6), ("-2 * -3 ^ 2", 18), ("1.5 + 1", 2.5), ("1 < 2", 1), ("2 <= 1", 0), ("1 + 1 == 2", 1),
    ("3 != 3", 0), ("if(1 < 2, 10, 1/0)", 10), ("if(0, nothing, 4)", 4), ("if(1, 2, 3) + 1", 3), ("let x = 2 in x ^ x", 4),
    ("let x = 1 in let x = x + 1 in x * 10", 20), ("let x = 5 in x + let y = x in y", ["mistake", 17]), ("a * b", 42),
    ("let a = a + 1 in a", 7), ("(let a = 1 in a) + a", 7), ("letter + 1", 3), ("in_ + if_", 30), ("1 < 2 < 3", ["mistake", 6]),
    ("", ["mistake", 0]), ("   ", ["mistake", 0]), ("1 +", ["mistake", 3]), ("1 + ) 2", ["mistake", 4]), ("(1", ["mistake", 2]),
    ("1 2", ["mistake", 2]), ("2 $ 3", ["mistake", 2]), ("zz + 1", ["mistake", 0]), ("1 + 4 / (2 - 2)", ["mistake", 6]),
    ("if(1, 2)", ["mistake", 7]), ("let in = 1 in 2", ["mistake", 4]), ("let x 1 in 2", ["mistake", 6]), ("1 + if", ["mistake", 6]),
    ("(1 < 2) + (2 > 1)", 2), ("let x = 1 < 2 in x", 1), ("2 ^ (1 + 1) ^ 2", 16), ("-a", -6), ("1 - -1", 2), ("10 / 4", 2.5),
    ("if(a > b, a, b)", 7), ("let f = if(1,2,3) in f^2", 4), (".5", ["mistake", 0]), ("A", ["mistake", 0]), ("1 = 1", ["mistake", 2]),
]
NAMES = {"a": 6, "b": 7, "letter": 2, "in_": 10, "if_": 20}


def gate():
    found = run(CALLS, [[text, NAMES] for text, _ in RIGHT])
    for (text, right), got in zip(RIGHT, found, strict=True):
        wanted = right if isinstance(right, list) else [type(right).__name__, right]
        if got != wanted:
            raise Fail("FAIL_VALUE", f"{text!r} gives {got}")

    frame(may_change={"calc/language.py"})


judge(gate)
