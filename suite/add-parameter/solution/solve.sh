#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/def price_label(amount):/def price_label(amount, currency):/; s/ EUR"/ {currency}"/' shop/labels.py
sed -i 's/price_label(self.total())/price_label(self.total(), "EUR")/' shop/cart.py
sed -i "s/price_label(order\[\"amount\"\])/price_label(order[\"amount\"], order[\"currency\"])/" shop/export.py
sed -i 's/labels.price_label(rate)/labels.price_label(rate, "EUR")/' shop/shipping.py
sed -i 's/map(price_label, amounts)/(price_label(amount, "EUR") for amount in amounts)/' shop/receipt.py
sed -i 's/price_label(1250)/price_label(1250, "EUR")/' tests/test_labels.py
