#!/bin/bash
mkdir -p "${LOGS_DIR:-/logs}/agent"
cat > "${LOGS_DIR:-/logs}/agent/reply.md" <<'END'
1. client -> server: SYN
2. server -> client: SYN, ACK
3. client -> server: ACK
END
