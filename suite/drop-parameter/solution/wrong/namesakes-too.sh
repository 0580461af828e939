#!/bin/bash
# The parameters of that name that are used are dropped too.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/def load(path, verbose):/def load(path):/' feed/reader.py
sed -i 's/load(path, False)/load(path)/' feed/merge.py
sed -i 's/reader.load(path, verbose=True)/reader.load(path)/' feed/count.py
sed -i 's/load(name, verbose=verbose)/load(name)/' feed/command.py
sed -i 's/def report(rows, verbose=False):/def report(rows):/; s/ if verbose else text//' feed/report.py
sed -i 's/, verbose=verbose)/)/; s/def main(name, verbose=False):/def main(name):/' feed/command.py
