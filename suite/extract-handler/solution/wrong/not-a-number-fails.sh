#!/bin/bash
bash "${0%/*}/../solve.sh" || exit
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

path = Path("web/listing.py")
text = path.read_text()
old, new = """\
    try:
        return int(query.get(name, default))
    except ValueError:
        return default
""", """\
    return int(query.get(name, default))
"""
assert text.count(old) == 1
text = text.replace(old, new)
path.write_text(text)
END
