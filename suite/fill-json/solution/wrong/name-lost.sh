#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
echo '{"host": "127.0.0.1", "port": 8080, "debug": false}' > config.json
