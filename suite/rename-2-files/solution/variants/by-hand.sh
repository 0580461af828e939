#!/bin/bash
# Another layout, a new docstring, the tests run and a note left behind.
cd "${APP_DIR:-/app}" || exit 1
python3 - <<'END'
from pathlib import Path

amounts, invoice = Path("ledger/amounts.py"), Path("ledger/invoice.py")
amounts.write_text(
    amounts.read_text()
    .replace("def add_numbers(amounts):", "def sum_cents(\n    amounts,\n):")
    .replace("Return the sum of some amounts.", "Return the sum of some amounts, in cents.")
)
invoice.write_text(
    invoice.read_text()
    .replace("import add_numbers, from_euros", "import from_euros, sum_cents")
    .replace("add_numbers(", "sum_cents(")
)
END
python3 -m unittest -q
echo 'renamed add_numbers' > NOTES.txt
