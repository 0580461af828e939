#!/bin/bash
# Over-done: the neighbour was changed too.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/f"Hi {name}"/f"Hello, {name}!"/; s/Bye/Goodbye,/' greet.py
