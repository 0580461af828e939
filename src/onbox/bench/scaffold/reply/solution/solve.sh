#!/bin/bash
mkdir -p "${LOGS_DIR:-/logs}/agent"
echo "answer: 366" > "${LOGS_DIR:-/logs}/agent/reply.md"
