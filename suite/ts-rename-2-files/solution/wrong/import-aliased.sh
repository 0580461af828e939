#!/bin/bash
# The caller keeps the old name.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/function addNumbers/function sumCents/' src/amounts.ts
sed -i 's/import { addNumbers,/import { sumCents as addNumbers,/' src/invoice.ts
