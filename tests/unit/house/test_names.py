"""One meaning a word: nothing is named in dialect, and no two classes or modules share a name by chance."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src" / "onbox"
DIALECT = {"told", "said", "seen", "asked", "around", "keepsake", "company", "errand", "beside"}
"""Words that mean nothing to someone who runs inference servers, where they stand alone for a thing."""
PARTICIPLES = {"told", "said", "seen", "asked"}
IN_RECORDS = {
    "evidence/records/sight.py": {"asked"},
    "judge/speed_results.py": {"asked"},
    "judge/results.py": {"seen"},
    "judge/rates.py": {"said"},
    "judge/comparison_results.py": {"said"},
}
"""File -> fields that stand in evidence or in verdict.json, and keep their names so that old folders stay readable."""
STATIONS = ("schema", "evidence", "judge", "report", "view", "exporters", "importers", "app", "cli", "trial")
"""One thing on its way from the records to the terminal has one name in each of these rooms."""
SAME_MODULE_NAME = {
    "base": "the base classes of their package",
    "build": "the build of an image, and its part of a recipe",
    "bound": "what bounds a rate, by the formula and by the measurement",
    "ceiling": "the ceiling as a formula, and as it is written down",
    "checks": "the checks of their room",
    "client": "one for containers, one for HTTP",
    "container": "the sandbox tier, and the part of a recipe",
    "conversation": "an agent's talk with a model, held and exported",
    "hub": "the Hugging Face hub, read and fetched from",
    "launch": "a launch resolved, and its data",
    "layers": "of an image, of a model",
    "load": "a folder into records, an archive into a daemon",
    "manifest": "of a trial folder, of an image",
    "memory": "of the box, as an engine plans it, and as a page shows it",
    "probes": "what is tried against a gate, and against a sandbox",
    "progress": "how far something is, in the room that does it",
    "raw_completion": "the route past a server's parser, general and of one engine",
    "regrade": "the gates run again: the use case, the work, the record",
    "runner": "carries out a run, carries out a trial",
    "server": "the server of its room",
    "sight": "whether a model sees, in each room that asks, records, judges or shows it",
    "tasks": "the tasks, and what a command does with them",
    "verify": "of a trial folder, of an image",
}
"""Modules of one name outside those rooms, and outside the packages of engines: what each of them is."""
SAME_PART = {
    "AIPerf": "the same tool, read by its importer and written by its exporter",
    "Harbor": "the same tool, read by its importer and written by its exporter",
    "LlamaBench": "the same tool, read by its importer and written by its exporter",
}


@cache
def trees() -> dict[Path, ast.Module]:
    """All files of the source, parsed once."""
    return {path: ast.parse(path.read_text()) for path in sorted(SOURCE.rglob("*.py"))}


def classes() -> dict[str, list[str]]:
    """Public classes by name, with the files that define them."""
    found = defaultdict(list)
    for path, tree in trees().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(SOURCE)))
    return found


def test_no_two_public_classes_share_a_name() -> None:
    assert {name: files for name, files in classes().items() if len(files) > 1 and name not in SAME_PART} == {}


def test_the_exceptions_are_needed() -> None:
    found = classes()
    assert all(len(found[name]) == 2 for name in SAME_PART)


def test_no_public_class_or_module_is_named_in_dialect() -> None:
    assert DIALECT & ({path.stem for path in trees()} | {name.lower() for name in classes()}) == set()


def test_no_class_is_a_participle_alone() -> None:
    alone = {name for name in classes() if re.fullmatch(r"[A-Z][a-z]+ed", name)}
    assert alone == {"Interrupted"}, "which is how the public error is called"


def bound_names(tree: ast.AST) -> Iterator[str]:
    """All that a file gives a name to: variables, arguments, fields, functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def test_no_variable_field_or_function_is_a_participle_alone() -> None:
    found = {}
    for path, tree in trees().items():
        file = path.relative_to(SOURCE).as_posix()
        words = PARTICIPLES & {name.strip("_") for name in bound_names(tree)}
        if words:
            found[file] = words
    assert found == IN_RECORDS


def test_no_variable_or_function_of_a_test_is_a_participle_alone() -> None:
    found = {}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        words = PARTICIPLES & {name.strip("_") for name in bound_names(ast.parse(path.read_text()))}
        if words:
            found[path.relative_to(ROOT).as_posix()] = words
    assert found == {}


def modules_of_one_name() -> dict[str, list[str]]:
    """Modules by name, but for packages, what runs in workspaces, and the packages of engines, which play one part."""
    found = defaultdict(list)
    for path in trees():
        file = path.relative_to(SOURCE)
        one_engine = file.parts[0] == "engines" and len(file.parts) > 2
        if not path.stem.startswith("__") and not one_engine and not {"files", "scaffold"} & set(file.parts):
            found[path.stem].append(file.as_posix())
    return {name: files for name, files in found.items() if len(files) > 1}


def test_no_two_modules_share_a_name_by_chance() -> None:
    by_chance = {
        name for name, files in modules_of_one_name().items() if not all(file.startswith(STATIONS) for file in files)
    }
    assert by_chance == set(SAME_MODULE_NAME)
