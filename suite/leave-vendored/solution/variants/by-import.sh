#!/bin/bash
# The caller imports the function itself.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/\bto_json\b/as_json/g' web/encode.py web/pages.py
sed -i 's/from web import encode/from web.encode import as_json/; s/encode\.to_json/as_json/' web/feed.py
python3 -m unittest -q
