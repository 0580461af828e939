#!/bin/bash
# Logger.save is renamed too, with its callers.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/\bsave(user: User)/persist(user: User)/; s/super\.save(/super.persist(/' src/users.ts src/cache.ts
sed -i 's/users\.save(/users.persist(/; s/store\.save\b/store.persist/' src/*.ts
sed -i '/interface Store/,/}/ s/save(/persist(/' src/importer.ts
sed -i 's/save(/persist(/' src/logger.ts
sed -i 's/logger\.save(/logger.persist(/; s/log\.save(/log.persist(/' src/*.ts
