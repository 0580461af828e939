#!/bin/bash
# A plausible mistake, so it must fail.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/f"Hi {name}"/"Hello, Ada!"/' greet.py
