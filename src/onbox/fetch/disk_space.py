"""Room on the disk, asked for before the first byte comes."""

import shutil
from pathlib import Path

from onbox.errors import BoxError
from onbox.schema.units import gib

SPARE_BYTES = 2**30


def need_room(folder: Path, wanted_bytes: int) -> None:
    """Refuse before the first byte when the disk cannot hold what is to come.

    Raises:
        BoxError: too little is free.
    """
    at = folder
    while not at.exists():
        at = at.parent
    free = shutil.disk_usage(at).free
    if wanted_bytes + SPARE_BYTES > free:
        raise BoxError(
            f"{folder}: {gib(wanted_bytes)} to fetch, {gib(free)} free (1 GiB is kept free)",
            "free some space or choose another disk with --to",
        )
