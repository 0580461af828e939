#!/bin/bash
# The metric is renamed too.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/\bapplyDiscount\b/computeDiscount/g' src/*.ts
