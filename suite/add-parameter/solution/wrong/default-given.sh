#!/bin/bash
# The parameter is not required.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/def price_label(amount):/def price_label(amount, currency="EUR"):/; s/ EUR"/ {currency}"/' shop/labels.py
sed -i 's/price_label(order\["amount"\])/price_label(order["amount"], order["currency"])/' shop/export.py
