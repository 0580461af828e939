#!/bin/bash
mkdir -p "${LOGS_DIR:-/logs}/agent"
cat > "${LOGS_DIR:-/logs}/agent/reply.md" <<'END'
result: 8
END
