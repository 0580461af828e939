"""The hash of all that an image of a recipe follows from."""

import hashlib
import json
import stat
from pathlib import Path

from onbox.schema.recipe.build import Build

LATER = ("sources", "peak_bytes_per_job")
"""Fields that came after the first recipes with a build."""


def inputs_sha256(build: Build, platform: str) -> str:
    """The hash of all that the image follows from: the settings, and each file's name, execute bit and content.

    What a `.dockerignore` leaves out is hashed too. What a step fetches from a network is not.

    Raises:
        OSError: a file cannot be read.
    """
    # Without what was not set, so that a new field changes no hash; how much memory a job takes changes no image.
    fields = build.model_copy(update={"context": "", "sha256": "", "peak_bytes_per_job": None}).model_dump(mode="json")
    settings = json.dumps(
        {key: value for key, value in fields.items() if key not in LATER or value}, separators=(",", ":")
    )
    whole = hashlib.sha256(f"{settings}\0{platform}\n".encode())
    root = Path(build.context)
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            whole.update(f"{name}\0link\0{path.readlink()}\n".encode())
        elif path.is_file():
            executable = "x" if path.stat().st_mode & stat.S_IXUSR else "-"
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            whole.update(f"{name}\0{executable}\0{content}\n".encode())
    return whole.hexdigest()
