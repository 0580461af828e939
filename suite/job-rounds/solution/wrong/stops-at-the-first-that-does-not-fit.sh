#!/bin/bash
bash "${0%/*}/../solve.sh" || exit
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

path = Path("plan/order.py")
text = path.read_text()
old, new = """\
            if len(taken) < width and not needs & used:
                taken.append(name)
                used |= needs
""", """\
            if len(taken) >= width or needs & used:
                break
            taken.append(name)
            used |= needs
"""
assert text.count(old) == 1
text = text.replace(old, new)
path.write_text(text)
END
