#!/bin/bash
# The caller works around the error.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/page_count(len(items), size)/page_count(len(items) - 1, size)/' shelf/listing.py
