#!/bin/bash
# The export is laid out anew, and the tests were run.
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

totals = Path("billing/totals.py")
source = totals.read_text()
for name in ("def old_total(", "def _old_rate("):
    start = source.index(name)
    end = source.find("\n\n\n", start)
    source = source[:start].rstrip("\n") + "\n\n\n" + source[end + 3 :] if end >= 0 else source[:start].rstrip("\n") + "\n"
totals.write_text(source)
END
sed -i 's/import new_total, old_total/import new_total/; /"old_total",/d' billing/__init__.py
rm tests/test_old.py
printf '"""What customers owe, now."""\n\nfrom .totals import new_total\n\n__all__ = ["new_total"]\n' > billing/__init__.py
python3 -m unittest -q
