#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/return int(float(text) \* 100)/from decimal import Decimal\n\n    return int(Decimal(text) * 100)/' billing/amounts.py
sed -i 's/key = line\["article"\]/key = (line["price"], line["article"])/' billing/lines.py
sed -i 's/found\[line\["rate"\]\] = .*/found[line["rate"]] = found.get(line["rate"], 0) + line["amount"]/; s/    return found/    for rate in found:\n        found[rate] = share(found[rate], rate)\n    return found/' billing/taxes.py
