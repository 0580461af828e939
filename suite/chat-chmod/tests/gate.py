"""owner, group and others, each with its three characters, and no other version of a line."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, judge
from replylib import reply_lines

LINE = re.compile(r"^(?:[1-3][.)]\s*)?(owner|user|group|others?|world)\b[^:=|-]*[:=|-]+\s*(.*)$", re.IGNORECASE)
MODE = re.compile(r"^['\"(]*(?:[0-7]\s*[|:=(-]+\s*)?([r-][w-]?[x-])(?![\w-])")
CLASSES = {"user": "owner", "other": "others", "world": "others"}
WANTED = {"owner": {"rwx"}, "group": {"r-x"}, "others": {"r--", "r-"}}
"""A long dash, which folds to one hyphen, is what some writers make of two."""


def gate():
    found = {"owner": [], "group": [], "others": []}
    for line in map(LINE.match, reply_lines()):
        mode = MODE.match(line[2]) if line else None
        if mode:
            name = line[1].lower()
            found[CLASSES.get(name, name)].append(mode[1])
    for name, modes in found.items():
        if not modes:
            raise Fail("FAIL_FORM", f"no line gives {name} its three characters")
        if not WANTED[name].issuperset(modes):
            raise Fail("FAIL_MODE_WRONG", f"{name} is {' and '.join(modes)}")


judge(gate)
