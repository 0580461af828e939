#!/bin/bash
# A comment is added, and the tests were run.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/def load(path, verbose):/def load(path):/' feed/reader.py
sed -i 's/load(path, False)/load(path)/' feed/merge.py
sed -i 's/reader.load(path, verbose=True)/reader.load(path)/' feed/count.py
sed -i 's/load(name, verbose=verbose)/load(name)/' feed/command.py
sed -i 's/def load(path):/def load(path):  # lines, not a path/' feed/reader.py
python3 -m unittest -q
