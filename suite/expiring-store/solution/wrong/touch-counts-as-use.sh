#!/bin/bash
bash "${0%/*}/../solve.sh" || exit
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

path = Path("memory/store.py")
text = path.read_text()
old, new = """\
        value, weight, _ = self._kept[key]
""", """\
        value, weight, _ = self._kept[key]
        del self._kept[key]
"""
assert text.count(old) == 1
text = text.replace(old, new)
path.write_text(text)
END
