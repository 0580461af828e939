#!/bin/bash
# The moved code is no longer what it was.
cd "${APP_DIR:-/app}" || exit 1
mkdir -p src/core
sed 's#"./strings"#"../util/strings"#' src/util/dates.ts > src/core/dates.ts
rm src/util/dates.ts
sed -i 's#"./dates"#"../core/dates"#' src/util/labels.ts
sed -i 's#"./util/dates"#"./core/dates"#' src/main.ts
sed -i 's#"../util/dates"#"../core/dates"#' src/views/calendar.ts src/views/agenda.ts
sed -i 's/weekday === 0 || weekday === 6/weekday % 6 === 0/' src/core/dates.ts
