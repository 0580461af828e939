#!/bin/bash
# Module names with an extension, and by a detour.
cd "${APP_DIR:-/app}" || exit 1
mkdir -p src/core
sed 's#"./strings"#"../util/strings"#' src/util/dates.ts > src/core/dates.ts
rm src/util/dates.ts
sed -i 's#"./dates"#"../core/dates"#' src/util/labels.ts
sed -i 's#"./util/dates"#"./core/dates"#' src/main.ts
sed -i 's#"../util/dates"#"../core/dates"#' src/views/calendar.ts src/views/agenda.ts
sed -i 's#core/dates"#core/dates.js"#; s#\.\./util/strings"#./../util/strings"#' src/main.ts src/core/dates.ts
