#!/bin/bash
bash "${0%/*}/../solve.sh" || exit
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

path = Path("memory/store.py")
text = path.read_text()
old, new = """\
        for key in [key for key, (_, _, ends) in self._kept.items() if ends is not None and ends <= now]:
""", """\
        for key in [key for key, (_, _, ends) in self._kept.items() if ends is not None and ends < now]:
"""
assert text.count(old) == 1
text = text.replace(old, new)
path.write_text(text)
END
