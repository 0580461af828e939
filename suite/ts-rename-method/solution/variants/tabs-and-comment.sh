#!/bin/bash
# A comment is reworded on the way.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/\bsave(user: User)/persist(user: User)/; s/super\.save(/super.persist(/' src/users.ts src/cache.ts
sed -i 's/users\.save(/users.persist(/; s/store\.save\b/store.persist/' src/*.ts
sed -i '/interface Store/,/}/ s/save(/persist(/' src/importer.ts
sed -i 's/^  save/  \/\/ the log\n  save/' src/logger.ts
git --version >/dev/null 2>&1
sed -i '/the log/d' src/logger.ts
sed -i 's/Keep a user, in place/Persist a user, in place/' src/users.ts
