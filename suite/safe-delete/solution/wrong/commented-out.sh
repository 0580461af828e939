#!/bin/bash
# It is hidden, not deleted.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/^def old_total/def _old_total/' billing/totals.py
sed -i 's/import new_total, old_total/import new_total/; /"old_total",/d' billing/__init__.py
rm tests/test_old.py
