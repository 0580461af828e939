"""Nothing of the source is left over: each function, class and constant of a module is named somewhere else too."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src" / "onbox"
PROGRAMS = ("bench/history/files", "bench/scaffold")
"""Files that are written into tasks, where other files name what they define."""
WORD = re.compile(r"[A-Za-z_]\w*")
CALLED_BY_OTHERS = {
    "app/doctor.py": {"NOT_PASSED"},
    "judge/speed/checks.py": {"SINGLY"},
}
"""What tests hold to, and what is named so that its module is imported."""


def modules() -> list[Path]:
    found = sorted(SOURCE.rglob("*.py"))
    return [path for path in found if not path.relative_to(SOURCE).as_posix().startswith(PROGRAMS)]


def words() -> Counter[str]:
    """Every word of the source and its templates, with how often it stands there."""
    paths = [*SOURCE.rglob("*.py"), *SOURCE.rglob("*.j2"), ROOT / "hatch_build.py", ROOT / "pyproject.toml"]
    return Counter(word for path in paths for word in WORD.findall(path.read_text("utf-8")))


def defined(tree: ast.Module) -> Iterator[str]:
    """Names that a module gives at its top; what is decorated is used by its decorator."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not node.decorator_list or isinstance(node, ast.ClassDef):
                yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_each_name_is_used() -> None:
    found: dict[str, set[str]] = {}
    times = words()
    for path in modules():
        names = {name for name in defined(ast.parse(path.read_text("utf-8"))) if not name.startswith("__")}
        if alone := {name for name in names if times[name] == 1}:
            found[path.relative_to(SOURCE).as_posix()] = alone
    assert found == CALLED_BY_OTHERS
