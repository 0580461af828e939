#!/bin/bash
bash "${0%/*}/../solve.sh" || exit
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

path = Path("memory/store.py")
text = path.read_text()
old, new = """\
        self._kept.pop(key, None)
        if weight > self._room:
            return False
""", """\
        if weight > self._room:
            return False
        self._kept.pop(key, None)
"""
assert text.count(old) == 1
text = text.replace(old, new)
path.write_text(text)
END
