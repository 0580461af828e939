#!/bin/bash
# Another order and layout, no newline at the end, a byte order mark.
cd "${APP_DIR:-/app}" || exit 1
printf '\xef\xbb\xbf{"debug":false,"port":8080,"host":"127.0.0.1","name":"demo"}' > config.json
