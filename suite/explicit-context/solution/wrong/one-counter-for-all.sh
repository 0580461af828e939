#!/bin/bash
bash "${0%/*}/../solve.sh" || exit
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

path = Path("desk/context.py")
text = path.read_text()
old, new = """\
    def __init__(self, clock, rates, prefix="D"):
        self.clock, self.rates, self.prefix = clock, rates, prefix
        self.sent, self.last = [], 0
""", """\
    last = 0

    def __init__(self, clock, rates, prefix="D"):
        self.clock, self.rates, self.prefix = clock, rates, prefix
        self.sent = []
"""
assert text.count(old) == 1
text = text.replace(old, new)
path.write_text(text)

path = Path("desk/numbers.py")
text = path.read_text()
old, new = """\
    ctx.last += 1
""", """\
    type(ctx).last += 1
"""
assert text.count(old) == 1
text = text.replace(old, new)
path.write_text(text)
END
