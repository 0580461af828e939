#!/bin/bash
# The function is renamed, and its callers are served by an alias.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/def apply_discount/def compute_discount/' shop/pricing.py
printf '\n\napply_discount = compute_discount\n' >> shop/pricing.py
