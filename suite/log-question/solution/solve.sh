#!/bin/bash
mkdir -p "${LOGS_DIR:-/logs}/agent"
cat > "${LOGS_DIR:-/logs}/agent/reply.md" <<'END'
first: c0990e
failed: 8
slowest: 0d563e
END
