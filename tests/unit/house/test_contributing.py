"""What a new thing touches, by CONTRIBUTING.md, is there: each path, and each name in its file."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
PATH = re.compile(r"`((?:src|tests|tools|docs|bench|suite|\.ci)/[^`\s]*)`")
NAME_OF_FILE = re.compile(r"`([A-Za-z_]\w*)`(?: and `([A-Za-z_]\w*)`)? (?:of|in) `(src/[^`\s]+\.py)`")


@pytest.mark.parametrize("path", sorted({found for found in PATH.findall(TEXT) if "<" not in found}))
def test_a_path_is_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(
    ("name", "path"), sorted({(n, m[3]) for m in NAME_OF_FILE.finditer(TEXT) for n in m.groups()[:2] if n})
)
def test_a_name_is_in_its_file(name: str, path: str) -> None:
    assert re.search(rf"\b{name}\b", (ROOT / path).read_text("utf-8"))


@pytest.mark.parametrize("thing", ["engine", "agent", "check of a speed", "import format", "sandbox", "command"])
def test_the_new_things_have_their_row(thing: str) -> None:
    assert f"\n| {thing} |" in TEXT
