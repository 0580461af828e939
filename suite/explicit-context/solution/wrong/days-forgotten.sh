#!/bin/bash
bash "${0%/*}/../solve.sh" || exit
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

path = Path("desk/offers.py")
text = path.read_text()
old, new = """\
    return int(ctx.now()[8:]) - int(paper["at"][8:]) <= days
""", """\
    return int(ctx.now()[8:]) - int(paper["at"][8:]) <= 14
"""
assert text.count(old) == 1
text = text.replace(old, new)
path.write_text(text)
END
