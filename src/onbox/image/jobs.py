"""How many compile jobs fit into memory."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from onbox.box.memory import memory
from onbox.image.seal import Seal
from onbox.schema.recipe.build import Build
from onbox.schema.units import gib

_ARG_JOBS = re.compile(r"^\s*ARG\s+JOBS\b", re.IGNORECASE | re.MULTILINE)
RESERVE_BYTES = 4 << 30
"""Left for the rest of the box."""


@dataclass(frozen=True)
class Jobs:
    """What the build is told."""

    count: int | None
    """None: the Dockerfile takes no number, or nobody knows what a job needs."""
    why: str


def jobs_for(build: Build, last: Seal | None) -> Jobs:
    """min(cores, (available - reserve) / peak of one job), the peak as the recipe or an earlier build tells it."""
    if not _ARG_JOBS.search(Path(build.path).read_text("utf-8", "replace")):
        return Jobs(None, "the Dockerfile has no ARG JOBS")
    learnt = last.peak_bytes // last.jobs if last and last.peak_bytes and last.jobs else None
    peak = max(build.peak_bytes_per_job or 0, learnt or 0)
    if not peak:
        return Jobs(None, "the memory of one job is not known: set peak_bytes_per_job")
    return Jobs(*_count(peak, memory().available_bytes, os.cpu_count() or 1, learnt == peak))


def _count(peak: int, available: int, cores: int, learnt: bool) -> tuple[int, str]:
    count = max(1, min(cores, (available - RESERVE_BYTES) // peak))
    basis = "an earlier build" if learnt else "the recipe"
    room = f"{gib(available)} available, {gib(RESERVE_BYTES)} kept free"
    return count, f"{room}, {gib(peak)} a job by {basis}, {cores} cores"
