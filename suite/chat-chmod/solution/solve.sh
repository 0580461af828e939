#!/bin/bash
mkdir -p "${LOGS_DIR:-/logs}/agent"
cat > "${LOGS_DIR:-/logs}/agent/reply.md" <<'END'
owner: rwx
group: r-x
others: r--
END
