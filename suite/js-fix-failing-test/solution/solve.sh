#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/return a.start <= b.end || b.start <= a.end/return a.start < b.end \&\& b.start < a.end/' src/spans.mjs
