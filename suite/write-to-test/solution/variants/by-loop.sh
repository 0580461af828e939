#!/bin/bash
# Another way, with the module's docstring gone and output at import.
cd "${APP_DIR:-/app}" || exit 1
cat > words.py <<'END'
import re

print("loading words")


def count_words(text: str) -> int:
    count = 0
    for _ in re.finditer(r"\S+", text):
        count += 1
    return count


if __name__ == "__main__":
    print(count_words("a b"))
END
python3 -m unittest -q
