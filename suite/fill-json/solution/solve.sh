#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/"host": ""/"host": "127.0.0.1"/; s/"port": 0/"port": 8080/; s/"debug": true/"debug": false/' config.json
