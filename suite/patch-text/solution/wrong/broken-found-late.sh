#!/bin/bash
bash "${0%/*}/../solve.sh" || exit
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

path = Path("patches/text.py")
text = path.read_text()
old, new = """\
    for number, (begin, old, new) in enumerate(_hunks(patch, backwards), 1):
""", """\
    for number, (begin, old, new) in enumerate(_hunks(patch.partition('@@ -2 +2 @@\\n')[0] or patch, backwards), 1):
"""
assert text.count(old) == 1
text = text.replace(old, new)
path.write_text(text)
END
