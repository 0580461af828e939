"""Whole trials that were recorded and judged by an earlier onbox: `tests/data/recorded`."""

import tarfile
from pathlib import Path

TRIALS = Path(__file__).parent / "data/recorded"
NAMES = ("attached", "arms", "resumed", "invalid", "embedded")


def unpack(name: str, to: Path) -> Path:
    """The folder of a recorded trial, below `to`."""
    with tarfile.open(TRIALS / f"{name}.tar.xz") as archive:
        archive.extractall(to, filter="data")
    return to / name
