"""What is known of an engine is in its package: outside `engines/` and `recipes/` no line of the source names one."""

import re
from pathlib import Path

from onbox.engines.registry import _ENGINES, all_facts

SOURCE = Path(__file__).parents[3] / "src" / "onbox"
EXEMPT = ("engines", "recipes", "schema/recipe")
REMAINS = {
    "weights/key_definitions.py": 2,  # The programs that define what keys of a file mean: provenance of facts.
    "published/rates.yaml": 5,  # What others measured with, in their words.
}
"""File -> lines that name an engine all the same."""
OTHER_SPELLINGS = ("llama_cpp", "llamacpp", "llama.cpp", "trtllm", "LM Studio", "lmstudio", "text-generation-inference")
GENERAL = {"attached", "unknown"}
"""Names of no one engine."""


def names() -> set[str]:
    return {*_ENGINES, *(facts.name for facts in all_facts()), *OTHER_SPELLINGS} - GENERAL


def lines_that_name_an_engine() -> dict[str, list[str]]:
    word = re.compile("|".join(re.escape(name).replace(r"\-", "[-_]?") for name in sorted(names())), re.IGNORECASE)
    found: dict[str, list[str]] = {}
    for path in sorted(SOURCE.rglob("*")):
        relative = path.relative_to(SOURCE)
        if (
            relative.as_posix().startswith(tuple(f"{folder}/" for folder in EXEMPT))
            or path.suffix in (".pyc", ".gz", ".zst", ".xz")
            or not path.is_file()
        ):
            continue
        hits = [line for line in path.read_text("utf-8", "replace").splitlines() if word.search(line)]
        if hits:
            found[str(relative)] = hits
    return found


def test_the_search_knows_the_engines() -> None:
    assert {"vllm", "sglang", "ollama", "llama-server", "llama-embedded"} <= names()


def test_no_line_outside_its_package_names_an_engine() -> None:
    found = lines_that_name_an_engine()
    assert {name: lines for name, lines in found.items() if name not in REMAINS} == {}
    assert {name: len(lines) for name, lines in found.items()} == REMAINS
