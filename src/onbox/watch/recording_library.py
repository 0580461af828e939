"""Recordings that come along: situations whose truth is known, most seen on a real box, some written after incidents.

`onbox watch --replay NAME` shows one, and the tests hold the classifier against all of them.
"""

from pathlib import Path

from onbox.errors import UsageError

FOLDER = Path(__file__).with_name("recordings")
SUFFIX = ".jsonl.gz"


def names() -> tuple[str, ...]:
    """The recordings that come along."""
    return tuple(sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.glob(f"*{SUFFIX}")))


def find_recording(path: Path) -> Path:
    """A recording by its path, or one of those that come along by its name.

    Raises:
        UsageError: neither.
    """
    if path.is_file():
        return path
    if len(path.parts) == 1 and path.name in names():
        return FOLDER / f"{path.name}{SUFFIX}"
    raise UsageError(f"{path}: no such recording", f"a file, or one of {', '.join(names())}")
