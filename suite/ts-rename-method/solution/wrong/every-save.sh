#!/bin/bash
# A blunt replacement: the namesakes are renamed too.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/\bsave\b/persist/g' src/*.ts
