#!/bin/bash
app=${APP_DIR:-/app}
kept=$(cat "$app/web/offers.py")
bash "${0%/*}/../solve.sh" || exit
printf '%s\n' "$kept" > "$app/web/offers.py"
