#!/bin/bash
# Over-done: a neighbour has a new name too, everywhere.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/\baddNumbers\b/sumCents/g; s/\bfromEuros\b/centsFrom/g' src/amounts.ts src/invoice.ts
