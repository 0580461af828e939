"""What the guard sees of the box's memory while all is well, kept for whoever looks at it meanwhile or afterwards."""

import contextlib
import json
import time

from onbox.supervisor.guard import MemorySample

EVERY_S = 5.0
"""A line of 120 bytes each: 2 MB a day."""


class MemoryLog:
    """Appends to a file of JSON lines.

    Args:
        path: of the file; None: nothing is kept.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._due_s = 0.0

    def take(self, sample: MemorySample) -> None:
        """Keep a sample, if it is time to; a disk that is full costs the line and nothing else."""
        if self._path is None or sample.t_s < self._due_s:
            return
        self._due_s = sample.t_s + EVERY_S
        found = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "t_s": round(sample.t_s, 3),
            "available_bytes": sample.available_bytes,
            "own_bytes": sample.own_bytes,
            "gpu_bytes": sample.gpu_bytes,
        }
        with contextlib.suppress(OSError), open(self._path, "a") as file:
            file.write(json.dumps(found) + "\n")
