#!/bin/bash
# The subclass still overrides save.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/\bsave(user: User)/persist(user: User)/; s/super\.save(/super.persist(/' src/users.ts src/cache.ts
sed -i 's/users\.save(/users.persist(/; s/store\.save\b/store.persist/' src/*.ts
sed -i '/interface Store/,/}/ s/save(/persist(/' src/importer.ts
sed -i 's/override persist/override save/' src/cache.ts
