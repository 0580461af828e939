#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/return {"lines": lines/total = 25127\n    return {"lines": lines/' billing/invoice.py
