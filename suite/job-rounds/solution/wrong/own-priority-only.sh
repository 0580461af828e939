#!/bin/bash
bash "${0%/*}/../solve.sh" || exit
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

path = Path("plan/order.py")
text = path.read_text()
old, new = """\
        found[name] = max([own, *(_urgency(other, by_name, found) for other in waiting)])
""", """\
        found[name] = own
"""
assert text.count(old) == 1
text = text.replace(old, new)
path.write_text(text)
END
