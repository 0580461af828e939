#!/bin/bash
# The function takes the flag again.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/\*, priority="normal"/urgent=False, *, priority="normal"/' desk/mail.py
