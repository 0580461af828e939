#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/25127/25130/' tests/test_invoice.py
