#!/bin/bash
# The test was made to agree with the error.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/page 1 of 1/page 1 of 2/' tests/test_listing.py
