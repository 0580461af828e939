"""Our function has its new name; what is not ours to touch is as it was."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import APP, ORIGINAL, Fail, frame, functions, judge, names, parse, run, same_but_renamed


OLD, NEW = "to_json", "as_json"
TOUCHED = ["web/encode.py", "web/pages.py"]
NOT_OURS = ["vendor/tiny.py", "web/schema.py"]

BEHAVIOUR = """
from vendor import tiny
from web.encode import as_json, to_line
from web.feed import feed
from web.pages import page
result = [as_json(value), to_line(value), page(value), feed([value, 1])]
"""

WANTED = ['{"b": 2}', '{"b": 2}\n', '<pre>{"b": 2}</pre>', '["{\\"b\\": 2}","1"]']


def gate():
    if NEW not in functions(parse("web/encode.py").body):
        raise Fail("FAIL_TARGET_NOT_RENAMED", f"web/encode.py defines no {NEW}")
    for name in NOT_OURS:
        if not (APP / name).is_file() or (APP / name).read_bytes() != (ORIGINAL / name).read_bytes():
            raise Fail("FRAME_PROTECTED", name)
    for name in TOUCHED:
        if OLD in names(parse(name)):
            raise Fail("FAIL_OLD_NAME_LEFT", name)
    if list(names(parse("web/feed.py"))).count(OLD) != 1:
        raise Fail("FAIL_FEED", "web/feed.py calls its own and the vendored function, each by its name")
    if run(BEHAVIOUR, {"b": 2}) != WANTED:
        raise Fail("FAIL_BEHAVIOUR", "pages or feeds changed")
    frame(may_change={*TOUCHED, "web/feed.py"})
    for name in TOUCHED:
        same_but_renamed(name, NEW, OLD)


judge(gate)
