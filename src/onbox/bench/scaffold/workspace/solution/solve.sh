#!/bin/bash
# What is needed, and nothing else: the audit leaves out each place once, and the gate must see it.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/f"Hi {name}"/f"Hello, {name}!"/' greet.py
