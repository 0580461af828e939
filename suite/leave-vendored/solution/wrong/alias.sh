#!/bin/bash
# An alias is left.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/\bto_json\b/as_json/g' web/encode.py web/pages.py
sed -i 's/encode\.to_json/encode.as_json/' web/feed.py
echo 'to_json = as_json' >> web/encode.py
