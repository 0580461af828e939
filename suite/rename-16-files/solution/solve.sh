#!/bin/bash
# The metric keeps its name, comments may keep theirs.
cd "${APP_DIR:-/app}" || exit 1
grep -rlw apply_discount shop tests --include='*.py' | grep -v tests/test_checkout.py |
  xargs sed -i -e '/^ *#/b' -e '/apply_discount\.calls/b' -e 's/\bapply_discount\b/compute_discount/g'
