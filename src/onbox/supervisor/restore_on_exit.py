"""Brings back what was stopped for the sake of another, also when onbox is killed: `restore_on_exit.py COMMANDS`.

COMMANDS is a JSON list of commands. They run when standard input ends, unless the line `kept` came before: then
somebody else, a supervisor, owes them.
"""

import json
import signal
import subprocess
import sys
from contextlib import suppress


def main(arguments: list[str]) -> int:
    """Wait for the end of the lifeline; then pay. Returns how many commands failed."""
    if any(line.strip() == "kept" for line in sys.stdin):
        return 0
    return sum(_failed(command) for command in json.loads(arguments[0]))


def _failed(command: list[str]) -> bool:
    with suppress(OSError):
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode != 0
    return True


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(main(sys.argv[1:]))
