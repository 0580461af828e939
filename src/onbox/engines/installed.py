"""What is installed in another Python environment, seen from its files: asking it would take seconds."""

import re
from pathlib import Path


def version_beside(program: str, package: str) -> str | None:
    """The version of `package` in the environment whose `bin` folder holds `program`; None where that is not one."""
    root = Path(program).absolute().parent.parent
    pattern = re.compile(rf"{re.escape(package)}-(?P<version>\d[^-]*)\.dist-info", re.IGNORECASE)
    found = (pattern.fullmatch(path.name) for path in root.glob("lib/python3*/site-packages/*.dist-info"))
    return next((match["version"] for match in found if match), None)
