"""The search behind the `grep` tool; it runs in the sandbox, where an expression that never ends can be killed.

Run as `python3 -I -c SOURCE PATTERN MATCHES_MAX FILE_BYTES_MAX` in the project's folder, with the names of the files on
standard input, each ended by a zero byte. Standard library only. Exit codes: 0 searched, 2 not a regular expression.
"""

import os
import re
import sys
from collections.abc import Iterator


def main(pattern: str, matches_max: int, file_bytes_max: int) -> int:
    """Print `FILE:LINE: TEXT` for each line that matches, up to a limit."""
    try:
        expression = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        print(f"not a regular expression: {error}")
        return 2
    names = [os.fsdecode(name) for name in sys.stdin.buffer.read().split(b"\0") if name]
    for number, hit in enumerate(hits(expression, names, file_bytes_max)):
        if number == matches_max:
            print("... more matches are left out")
            break
        print(hit)
    return 0


def hits(expression: "re.Pattern[str]", names: list[str], file_bytes_max: int) -> Iterator[str]:
    """The lines that match; files that cannot be read or are too large are passed over."""
    for name in names:
        try:
            with open(name, "rb") as file:
                data = file.read(file_bytes_max + 1)
        except OSError:
            continue
        if len(data) <= file_bytes_max:
            for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
                if expression.search(line):
                    yield f"{name}:{number}: {line.strip()}"


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
