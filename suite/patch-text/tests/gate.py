"""Apply patches to text, with moved places, conflicts and missing newlines."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import difflib

from gatelib import Fail, frame, judge, run


CALLS = """
from patches.text import PatchError, apply
result = []
for text, patch, backwards in value:
    try:
        result.append(apply(text, patch, backwards) if backwards else apply(text, patch))
    except PatchError as error:
        result.append([error.kind, error.number])
"""


def texts(seed):
    """A text, the same after some edits, and both with some lines more at the top."""
    state, lines = seed * 3571 + 11, []

    def number(below):
        nonlocal state
        state = (state * 1103515245 + 12345) % 2**31
        return state // 65536 % below

    for _ in range(8 + seed % 30):
        lines.append(f"line {number(9)}\r\n" if number(12) == 0 else f"line {number(90)}\n" if number(6) else "\n")
    edited = list(lines)
    for _ in range(1 + seed % 4):
        place = number(len(edited))
        edited[place : place + number(3)] = [f"new {number(50)}\n" for _ in range(number(4))]
    if seed % 3 == 0 and edited:
        edited[-1] = edited[-1].rstrip("\n") or "end"
    if seed % 5 == 0:
        lines[-1] = lines[-1].rstrip("\n") or "last"
    top = [f"top {number(9)}\n" for _ in range(seed % 7)]
    return lines, edited, top


def unified(old, new, context):
    made = []
    for line in difflib.unified_diff(old, new, "a/x", "b/x", n=context):
        made.append(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n")
    return "".join(made)


BASE = "".join(f"{letter}\n" for letter in "abcdefgh")
TWICE = "x\ny\n" * 5
CASES = [
    (BASE, "@@ -2 +2 @@\n-b\n+B\n", False, BASE.replace("b", "B")),
    (BASE, "words\n@@ -2,2 +2,3 @@ some def\n b\n+n\n c\n", False, "a\nb\nn\nc\nd\ne\nf\ng\nh\n"),
    (BASE, "@@ -0,0 +1 @@\n+first\n", False, "first\n" + BASE),
    (BASE, "@@ -3,0 +4,2 @@\n+n\n+m\n", False, "a\nb\nc\nn\nm\nd\ne\nf\ng\nh\n"),
    (BASE, "@@ -3,0 +4,2 @@\n+n\n+m\n", True, ["conflict", 1]),
    (BASE, "@@ -9 +9 @@\n-z\n+Z\n", False, ["conflict", 1]),
    (BASE, "@@ -1 +1 @@\n-a\n+A\n@@ -1 +1 @@\n-a\n+B\n", False, ["conflict", 2]),
    (BASE, "@@ -1 +1 @@\n-z\n+A\n@@ -2 +2 @@\n", False, ["broken", 2]),
    (BASE, "@@ -1,2 +1,2 @@\n-a\n+A\n", False, ["broken", 1]),
    (BASE, "@@ -1 +1 @@\n-a\n+A\n+B\n", False, ["broken", 2]),
    (BASE, "@@ -1 +1 @@\n*a\n+A\n", False, ["broken", 1]),
    (BASE, "@@ 1 @@\n", False, ["broken", 1]),
    (BASE, "nothing\n", False, BASE),
    (BASE, "", True, BASE),
    (TWICE, "@@ -6 +6 @@\n-x\n+X\n", False, "x\ny\nx\ny\nX\ny\nx\ny\nx\ny\n"),
    (TWICE, "@@ -3 +3 @@\n-x\n+X\n@@ -3 +3 @@\n-x\n+Z\n", False, "x\ny\nX\ny\nZ\ny\nx\ny\nx\ny\n"),
    ("a\n\nb\n", "@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n", False, "a\n\nc\n"),
    ("a\nb", "@@ -2 +2 @@\n-b\n\\ No newline at end of file\n+b\n", False, "a\nb\n"),
    ("a\nb\n", "@@ -2 +2 @@\n-b\n+b\n\\ No newline at end of file\n", False, "a\nb"),
    ("a\nb\n", "@@ -2 +2 @@\n-b\n\\ No newline at end of file\n+b\n", False, ["conflict", 1]),
    ("", "@@ -0,0 +1 @@\n+a\n", False, "a\n"),
    ("a\x0bb\u2028c\r\n", "@@ -1 +1 @@\n-a\x0bb\u2028c\r\n+d\n", False, "d\n"),
]


def gate():
    cases = [case for case in CASES]
    for seed in range(60):
        old, new, top = texts(seed)
        if old != new:
            patch = unified(old, new, seed % 4)
            cases.append(("".join(old), patch, False, "".join(new)))
            cases.append(("".join(new), patch, True, "".join(old)))
            if seed % 4 == 3 and seed % 5 and seed % 3:
                cases.append(("".join(top + old), patch, False, "".join(top + new)))
    found = run(CALLS, [case[:3] for case in cases], timeout_s=20)
    for number, case in enumerate(cases):
        if found[number] != case[3]:
            raise Fail("FAIL_BEHAVIOUR", f"case {number} gives {str(found[number])[:120]!r}")

    frame(may_change={"patches/text.py"})


judge(gate)
