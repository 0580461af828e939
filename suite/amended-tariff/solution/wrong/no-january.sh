#!/bin/bash
bash "${0%/*}/../solve.sh" || exit
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

path = Path("tariff/price.py")
text = path.read_text()
old, new = """\
        12,
        1
""", """\
        12
"""
assert text.count(old) == 1
text = text.replace(old, new)
path.write_text(text)
END
