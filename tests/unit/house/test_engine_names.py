"""What is known of an engine is in its package: outside `engines/` and `recipes/` no line of the source names one.

A citation does: who published a rate and what it was measured with, whose source defines a key of a model's file. It is
the evidence of a fact and decides nothing, and stands in files that hold nothing else.
"""

import ast
import re
from pathlib import Path

import yaml

from onbox.engines.registry import _ENGINES, all_facts

SOURCE = Path(__file__).parents[3] / "src" / "onbox"
EXEMPT = ("engines", "recipes", "schema/recipe")
RATES, DEFINITIONS = "published/rates.yaml", "weights/key_definitions.py"
"""The files of citations."""
CITED_IN = {"backend", "tool", "source", "remark"}
"""Fields of a published rate that say where it is from."""
OTHER_SPELLINGS = ("llama_cpp", "llamacpp", "llama.cpp", "trtllm", "LM Studio", "lmstudio", "text-generation-inference")
GENERAL = {"attached", "unknown"}
"""Names of no one engine."""


def names() -> set[str]:
    return {*_ENGINES, *(facts.name for facts in all_facts()), *OTHER_SPELLINGS} - GENERAL


def pattern() -> re.Pattern[str]:
    return re.compile("|".join(re.escape(name).replace(r"\-", "[-_]?") for name in sorted(names())), re.IGNORECASE)


def lines_that_name_an_engine() -> dict[str, list[str]]:
    word = pattern()
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
    assert set(lines_that_name_an_engine()) == {RATES, DEFINITIONS}


def test_a_published_rate_names_one_only_where_it_says_what_it_is_from() -> None:
    word = pattern()
    for claim in yaml.safe_load((SOURCE / RATES).read_text("utf-8"))["claims"]:
        assert {field for field, value in claim.items() if word.search(str(value))} <= CITED_IN


def test_the_definitions_of_keys_are_citations_and_nothing_else() -> None:
    _, *rest = ast.parse((SOURCE / DEFINITIONS).read_text("utf-8")).body
    values = [node.value for node in rest if isinstance(node, ast.Assign | ast.Expr)]
    assert len(values) == len(rest)
    assert all(isinstance(value, ast.JoinedStr) or isinstance(ast.literal_eval(value), str) for value in values)
