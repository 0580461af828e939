"""Where the Python threads of a process are, asked of py-spy; it looks from outside and stops them for milliseconds."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

TIMEOUT_S = 15.0
MISSING = "py-spy is not installed, so no stacks: pip install 'onbox[watch]'"


def py_spy() -> str | None:
    """The program, beside this Python or on the PATH."""
    installed = Path(sys.executable).with_name("py-spy")
    return os.fspath(installed) if installed.is_file() else shutil.which("py-spy")


def stacks_of(pid: int, program: str) -> str | None:
    """The frames of every thread, innermost first, one thread a line; None when it is no Python or may not be seen."""
    try:
        done = subprocess.run(
            [program, "dump", "--json", "--pid", str(pid)],
            capture_output=True,
            timeout=TIMEOUT_S,
            check=True,
        )
        threads = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    lines = []
    for thread in threads:
        frames = (
            f"{frame.get('name')} ({Path(frame.get('filename') or '?').name}:{frame.get('line')})"
            for frame in thread.get("frames", ())
        )
        lines.append(f"{thread.get('thread_name') or 'thread'}: " + " < ".join(frames))
    return "\n".join(lines)
