#!/bin/bash
# save stays beside persist.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/def save(/def persist(/; s/super().save(/super().persist(/' members/users.py members/cache.py
sed -i 's/users\.save(/users.persist(/' members/signup.py members/admin.py tests/test_users.py
sed -i 's/store\.save/store.persist/' members/importer.py
printf '\n    save = persist\n' >> members/users.py
