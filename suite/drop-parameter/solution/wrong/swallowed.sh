#!/bin/bash
# Any keyword is swallowed.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/def load(path, verbose):/def load(path, **_):/' feed/reader.py
sed -i 's/load(path, False)/load(path)/' feed/merge.py
