"""One version: of the package, of its metadata, and of the release that the changelog has on top."""

import re
from importlib.metadata import version
from pathlib import Path

import onbox

ROOT = Path(__file__).parents[2]


def test_the_changelog_and_the_package_agree() -> None:
    releases = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert releases[0] == onbox.__version__


def test_the_metadata_of_a_build_follows_the_package() -> None:
    output = (ROOT / "pyproject.toml").read_text()
    assert 'dynamic = ["version"]' in output
    assert re.search(r'^path = "src/onbox/__init__.py"$', output, re.MULTILINE)
    assert version("onbox")
