#!/bin/bash
bash "${0%/*}/../solve.sh" || exit
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

path = Path("web/people.py")
text = path.read_text()
old, new = """\
    return listing(items, query, size=50, limit=200, key="name", keep=lambda item: not item.get("hidden"))
""", """\
    return listing(items, query, size=50, limit=200, key="name")
"""
assert text.count(old) == 1
text = text.replace(old, new)
path.write_text(text)

path = Path("web/offers.py")
text = path.read_text()
old, new = """\
    return listing(items, query, size=25, limit=25, key="title", keep=lambda item: item.get("open", True))
""", """\
    return listing(items, query, size=25, limit=25, key="title")
"""
assert text.count(old) == 1
text = text.replace(old, new)
path.write_text(text)
END
