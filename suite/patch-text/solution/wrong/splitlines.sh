#!/bin/bash
bash "${0%/*}/../solve.sh" || exit
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

path = Path("patches/text.py")
text = path.read_text()
old, new = """\
    return re.findall(r"[^\\n]*\\n|[^\\n]+", text)
""", """\
    return text.splitlines(keepends=True)
"""
assert text.count(old) == 1
text = text.replace(old, new)
path.write_text(text)
END
