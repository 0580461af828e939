#!/bin/bash
bash "${0%/*}/../solve.sh" || exit
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

path = Path("patches/text.py")
text = path.read_text()
old, new = """\
            if place >= end and place + len(old) <= len(lines) and lines[place : place + len(old)] == old:
""", """\
            if place >= 0 and place + len(old) <= len(lines) and lines[place : place + len(old)] == old:
"""
assert text.count(old) == 1
text = text.replace(old, new)
path.write_text(text)
END
