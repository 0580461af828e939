#!/bin/bash
# The namesakes that are not ours are renamed too.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/\bto_json\b/as_json/g' web/*.py vendor/*.py
