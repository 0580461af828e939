"""Write again what the builtin tasks share: their copies of the libraries, and the gate's copy of each workspace.

    python tools/suite.py

Run it after a change to `gatelib.py`, `genlib.py`, `tslib.py` or `test.sh` in `src/onbox/bench/suite`, or to a file
below a task's `environment/app`. `tests/unit/test_tasks.py` fails where it was forgotten.
"""

import shutil
from pathlib import Path

SUITE = Path(__file__).parents[1] / "src" / "onbox" / "bench" / "suite"


def main() -> None:
    """Bring every task of the suite up to date."""
    for task in sorted(path.parent for path in SUITE.glob("*/task.toml")):
        for name in ("gatelib.py", "test.sh"):
            shutil.copyfile(SUITE / name, task / "tests" / name)
        if (task / "tests" / "tslib.py").exists():
            shutil.copyfile(SUITE / "tslib.py", task / "tests" / "tslib.py")
        if (task / "generate.py").exists():
            shutil.copyfile(SUITE / "genlib.py", task / "genlib.py")
        given, known = task / "environment" / "app", task / "tests" / "original"
        shutil.rmtree(known, ignore_errors=True)
        if given.is_dir():
            shutil.copytree(given, known, ignore=shutil.ignore_patterns("__pycache__"))


if __name__ == "__main__":
    main()
