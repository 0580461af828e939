#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
sed -i 's#return total // size + 1#return (total + size - 1) // size#' shelf/pages.py
