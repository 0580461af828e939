"""Every name that is imported from a module of this repository is there: imports within functions too, and those of
programs that no test runs."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROOMS = ("src", "tests", "bench", "tools")


def place(module: str) -> Path | None:
    """The file of a module of this repository, or the folder of a package without one; None: there is none."""
    parts = module.split(".")
    path = (ROOT / "src" if parts[0] == "onbox" else ROOT).joinpath(*parts)
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((each for each in candidates if each.is_file()), path if path.is_dir() else None)


@cache
def given(path: Path) -> frozenset[str]:
    """Names that a module assigns, defines or imports anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name)
    return frozenset(found)


def absent(tree: ast.Module) -> Iterator[str]:
    """`module.name` of each import from this repository that leads nowhere."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or node.level or node.module is None:
            continue
        if node.module.split(".")[0] not in ("onbox", "tests", "bench", "tools"):
            continue
        path = place(node.module)
        names = given(path) if path is not None and path.is_file() else frozenset()
        for each in node.names:
            if each.name not in names and place(f"{node.module}.{each.name}") is None:
                yield f"{node.module}.{each.name}"


@pytest.mark.parametrize("room", ROOMS)
def test_imported_names_are_there(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    found = {path.relative_to(ROOT).as_posix(): [*absent(ast.parse(path.read_text("utf-8")))] for path in files}
    assert {path: names for path, names in found.items() if names} == {}


def test_a_name_that_is_not_there_is_found() -> None:
    source = (
        "def f():\n    from onbox.watch.recording import Header, Recording\n    from onbox.watch import recording\n"
    )
    assert [*absent(ast.parse(source))] == ["onbox.watch.recording.Recording"]
    assert [*absent(ast.parse("from onbox.no_such import Thing"))] == ["onbox.no_such.Thing"]
