#!/bin/bash
# The moved module looks for its neighbour where it no longer is.
cd "${APP_DIR:-/app}" || exit 1
mkdir -p src/core
sed 's#"./strings"#"../util/strings"#' src/util/dates.ts > src/core/dates.ts
rm src/util/dates.ts
sed -i 's#"./dates"#"../core/dates"#' src/util/labels.ts
sed -i 's#"./util/dates"#"./core/dates"#' src/main.ts
sed -i 's#"../util/dates"#"../core/dates"#' src/views/calendar.ts src/views/agenda.ts
sed -i 's#"../util/strings"#"./strings"#' src/core/dates.ts
