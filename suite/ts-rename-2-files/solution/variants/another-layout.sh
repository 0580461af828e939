#!/bin/bash
# No semicolons, single quotes, sorted imports, a comment.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/\baddNumbers\b/sumCents/g' src/amounts.ts src/invoice.ts
sed -i "s/;\$//; s/\"/'/g; s/^  /    /" src/invoice.ts
sed -i "s/import { sumCents, fromEuros } from '.\/amounts'/import {\n  fromEuros,\n  sumCents,\n} from '.\/amounts.js' \/\/ sorted/" src/invoice.ts
