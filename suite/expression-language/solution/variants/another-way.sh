#!/bin/bash
bash "${0%/*}/../solve.sh" || exit
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

path = Path("calc/language.py")
text = path.read_text()
old, new = """\
    reader = _Reader(text)
    tree = reader.expression()
    reader.end()
    return tree(dict(names or {}))


class _Reader:
""", """\
    reader = _Parser(text)
    tree = reader.expression()
    reader.end()
    return tree(dict(names or {}))


class _Parser:
"""
assert text.count(old) == 1
text = text.replace(old, new)
path.write_text(text)
END
