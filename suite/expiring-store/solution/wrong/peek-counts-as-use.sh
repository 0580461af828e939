#!/bin/bash
bash "${0%/*}/../solve.sh" || exit
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

path = Path("memory/store.py")
text = path.read_text()
old, new = """\
    def peek(self, key, default=None):
        self._forget()
""", """\
    def peek(self, key, default=None):
        self._forget()
        if key in self._kept:
            self._kept[key] = self._kept.pop(key)
"""
assert text.count(old) == 1
text = text.replace(old, new)
path.write_text(text)
END
