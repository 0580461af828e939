"""What a repository's own package is called, so that no installed copy of it stands in for the workspace."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from onbox.bench.history.repository import GitRepository, TreeEntry

_BYTES_MAX = 1 << 20
_NO_PACKAGE = frozenset({"conftest", "setup", "noxfile", "tests", "test", "docs"})


def project(repository: GitRepository, tree: Mapping[str, TreeEntry], path: Path) -> tuple[str, set[str]]:
    """The name of the repository's package, and its top-level modules.

    Args:
        repository: whose contents are read.
        tree: of its newest commit.
        path: of its folder, whose name is taken where nothing says another.
    """

    def text(file: str) -> str:
        entry = tree.get(file)
        if entry is None or entry.size_bytes >= _BYTES_MAX:
            return ""
        return repository.contents([entry.blob])[entry.blob].decode("utf-8", "replace")

    name = ""
    for file, key in (("pyproject.toml", "project"), ("package.json", "")):
        try:
            data = tomllib.loads(text(file))[key] if key else json.loads(text(file))
            name = name or str(data["name"])
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    if not name and (match := re.search(r"\bname\s*=\s*['\"]([A-Za-z0-9._-]+)['\"]", text("setup.py"))):
        name = match[1]
    return name or path.resolve().name, _modules(tree)


def _modules(tree: Mapping[str, TreeEntry]) -> set[str]:
    own = set()
    for name in tree:
        parts = name.split("/")
        inner = parts[1:] if parts[0] in ("src", "lib", "python") else parts
        if len(inner) == 2 and inner[1] == "__init__.py":
            own.add(inner[0])
        if len(inner) == 1 and inner[0].endswith(".py"):
            own.add(inner[0].removesuffix(".py"))
    return own - _NO_PACKAGE
