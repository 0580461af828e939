"""A public class has one meaning: no two share a name, but for those that play the same part in sibling packages."""

import ast
from collections import defaultdict
from pathlib import Path

SOURCE = Path(__file__).parents[3] / "src" / "onbox"
SAME_PART = {
    "AIPerf": "the same tool, read by its importer and written by its exporter",
    "Harbor": "the same tool, read by its importer and written by its exporter",
    "LlamaBench": "the same tool, read by its importer and written by its exporter",
}


def meanings() -> dict[str, list[str]]:
    found = defaultdict(list)
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(SOURCE)))
    return found


def test_no_two_public_classes_share_a_name() -> None:
    assert {name: paths for name, paths in meanings().items() if len(paths) > 1 and name not in SAME_PART} == {}


def test_the_exceptions_are_needed() -> None:
    found = meanings()
    assert all(len(found[name]) == 2 for name in SAME_PART)


DIALECT = {"told", "said", "seen", "asked", "around", "keepsake", "company", "errand", "beside"}
"""Words that mean nothing to someone who runs inference servers, where they stand alone for a thing."""


def test_no_public_class_or_module_is_named_in_dialect() -> None:
    modules = {path.stem for path in SOURCE.rglob("*.py")}
    classes = {name.lower() for name in meanings()}
    assert DIALECT & (modules | classes) == set()
