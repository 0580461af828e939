#!/bin/bash
# A blunt replacement: the discount codes and the metric are renamed too.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/applyDiscount/computeDiscount/g' src/*.ts
