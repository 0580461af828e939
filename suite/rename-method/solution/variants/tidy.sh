#!/bin/bash
# A docstring is reworded and a comment added on the way.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/def save(/def persist(/; s/super().save(/super().persist(/' members/users.py members/cache.py
sed -i 's/users\.save(/users.persist(/' members/signup.py members/admin.py tests/test_users.py
sed -i 's/store\.save/store.persist/' members/importer.py
sed -i 's/Keep a user, in place/Persist a user, in place/' members/users.py
sed -i 's/    keep = store.persist/    keep = store.persist  # looked up once/' members/importer.py
python3 -m unittest -q
