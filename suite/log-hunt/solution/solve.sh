#!/bin/bash
mkdir -p "${LOGS_DIR:-/logs}/agent"
cat > "${LOGS_DIR:-/logs}/agent/reply.md" <<'END'
service: search
version: 4.9.1
failed: 151
customers: 140
first: c6aaa6
END
