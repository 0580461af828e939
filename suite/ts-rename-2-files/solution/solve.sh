#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/\baddNumbers\b/sumCents/g' src/amounts.ts src/invoice.ts
