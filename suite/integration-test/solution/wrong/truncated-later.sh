#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/int(float(text) \* 100)/int(float(text) * 1000) \/\/ 10/' billing/amounts.py
sed -i 's/key = line\["article"\]/key = line["article"], line["price"]/' billing/lines.py
