#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
grep -rlw apply_discount shop tests --include='*.py' | grep -v tests/test_checkout.py |
  xargs sed -i '/apply_discount\.calls/! s/\bapply_discount\b/compute_discount/g'
