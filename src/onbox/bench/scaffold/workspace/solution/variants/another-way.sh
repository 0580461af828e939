#!/bin/bash
# Equally right, so it must pass.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/f"Hi {name}"/"Hello, " + name + "!"/' greet.py
