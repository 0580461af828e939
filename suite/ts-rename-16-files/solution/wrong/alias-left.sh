#!/bin/bash
# The function is renamed, and its callers are served by an alias.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/function applyDiscount/function computeDiscount/' src/pricing.ts
printf '\nexport const applyDiscount = computeDiscount;\n' >> src/pricing.ts
