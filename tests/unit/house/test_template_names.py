"""Templates use modules of the report by name; a name that is none would be found only by whoever opens that page."""

import importlib
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "src" / "onbox"
MODULES = {"formatting": "onbox.report.formatting", "sight": "onbox.report.sight"}


def used() -> list[tuple[str, str]]:
    found = set()
    for path in SOURCE.rglob("*.j2"):
        for block in re.findall(r"\{[{%].*?[%}]\}", path.read_text(), re.DOTALL):
            found |= {
                (name, attribute) for name, attribute in re.findall(r"(?<![.\w])(formatting|sight)\.(\w+)\(", block)
            }
    return sorted(found)


def test_both_modules_are_used() -> None:
    assert {name for name, _ in used()} == set(MODULES)


@pytest.mark.parametrize(("name", "attribute"), used())
def test_a_name_in_a_template_is_one_of_its_module(name: str, attribute: str) -> None:
    assert callable(getattr(importlib.import_module(MODULES[name]), attribute))
