#!/bin/bash
# With word boundaries, comments included; the imports sorted anew.
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
import re
from pathlib import Path

for path in [*Path("shop").rglob("*.py"), *Path("tests").rglob("*.py")]:
    text = path.read_text()
    renamed = re.sub(r"\bapply_discount\b(?!\.calls)", "compute_discount", text)
    renamed = renamed.replace("import compute_discount, list_price", "import list_price, compute_discount")
    if renamed != text:
        path.write_text(renamed)
END
python3 -m unittest -q
