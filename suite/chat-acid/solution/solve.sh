#!/bin/bash
mkdir -p "${LOGS_DIR:-/logs}/agent"
cat > "${LOGS_DIR:-/logs}/agent/reply.md" <<'END'
A: Atomicity
C: Consistency
I: Isolation
D: Durability
END
