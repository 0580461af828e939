#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/int(float(text) \* 100)/round(float(text) * 100)/' billing/amounts.py
sed -i 's/key = line\["article"\]/key = line["article"], line["price"]/' billing/lines.py
cat > billing/taxes.py <<'END'
"""Tax, by rate."""

from billing.amounts import share


def taxes(lines):
    found = {}
    for line in lines:
        found[line["rate"]] = found.get(line["rate"], 0) + line["amount"]
    return {rate: share(amount, rate) for rate, amount in found.items()}
END
