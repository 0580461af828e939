#!/bin/bash
# What comes from others is edited.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/\bto_json\b/as_json/g' web/encode.py web/pages.py web/feed.py vendor/tiny.py
