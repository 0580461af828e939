#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
cat > settings.toml <<'END'
# migrated
[service]
reports = { tags = ["slow", "us"], debug = false, retries = 0, timeout_s = 38.5, port = 4987, host = "10.0.1.9" }
uploads = { tags = ["nightly", "us", "beta"], debug = false, retries = 3, timeout_s = 38.5, port = 1710, host = "queue.internal" }
billing = { tags = ["slow", "us", "eu"], debug = true, retries = 1, timeout_s = 38.0, port = 9344, host = "cache.internal" }
END
rm settings.ini
