#!/bin/bash
# Two of the three values.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/"host": ""/"host": "127.0.0.1"/; s/"port": 0/"port": 8080/' config.json
