#!/bin/bash
# Judge the workspace: the exit code is the verdict (0 pass, 1 fail); the reward file is Harbor's copy of it.
export APP_DIR="${APP_DIR:-/app}" TESTS_DIR="${TESTS_DIR:-/tests}" LOGS_DIR="${LOGS_DIR:-/logs}"

python3 -I -S -B "$TESTS_DIR/gate.py"
code=$?

mkdir -p "$LOGS_DIR/verifier"
case $code in
  0) echo 1 > "$LOGS_DIR/verifier/reward.txt" ;;
  1) echo 0 > "$LOGS_DIR/verifier/reward.txt" ;;
  *) rm -f "$LOGS_DIR/verifier/reward.txt" ;; # a broken gate gives no reward
esac
exit $code
