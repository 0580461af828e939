#!/bin/bash
# Comments are renamed too, and imports are in another order.
cd "${APP_DIR:-/app}" || exit 1
sed -i -e '/applyDiscount\.calls/b' -e 's/\bapplyDiscount\b/computeDiscount/g' src/*.ts
sed -i 's/import { computeDiscount, listPrice }/import { listPrice, computeDiscount }/' src/*.ts
