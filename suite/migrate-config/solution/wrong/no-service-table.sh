#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
cat > settings.toml <<'END'
[billing]
host = "cache.internal"
port = 9344
timeout_s = 38.0
retries = 1
debug = true
tags = ["slow", "us", "eu"]

[uploads]
host = "queue.internal"
port = 1710
timeout_s = 38.5
retries = 3
debug = false
tags = ["nightly", "us", "beta"]

[reports]
host = "10.0.1.9"
port = 4987
timeout_s = 38.5
retries = 0
debug = false
tags = ["slow", "us"]
END
rm settings.ini
