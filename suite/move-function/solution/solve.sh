#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

text, money = Path("tools/text.py"), Path("tools/money.py")
source = text.read_text()
start = source.index("def parse_amount")
end = source.index("\n\n\n", start) if "\n\n\n" in source[start:] else len(source)
function = source[start:end].rstrip("\n")
text.write_text((source[:start].rstrip("\n") + "\n\n\n" + source[end:].lstrip("\n")).rstrip("\n") + "\n")
head, _, rest = money.read_text().partition("\n\n")
money.write_text(f"{head}\n\nfrom tools.text import squeeze\n\n{rest.rstrip()}\n\n\n{function}\n")
END
sed -i 's/from tools.text import parse_amount, squeeze/from tools.money import parse_amount\nfrom tools.text import squeeze/' shop/orders.py
sed -i 's/from tools.text import parse_amount$/from tools.money import parse_amount/' shop/refunds.py
sed -i 's/from tools import text$/from tools import money, text/; s/text\.parse_amount/money.parse_amount/' shop/imports.py
