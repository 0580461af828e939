#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/int(float(text) \* 100)/round(float(text) * 100)/' billing/amounts.py
