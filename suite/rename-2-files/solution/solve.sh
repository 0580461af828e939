#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/\badd_numbers\b/sum_cents/g' ledger/amounts.py ledger/invoice.py
