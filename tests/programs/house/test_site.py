"""The docs site: strict, whole, and with nothing that a browser would fetch from elsewhere."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import onbox

DOCS = Path(__file__).parents[3] / "docs"
LOADED = re.compile(r"<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=\"([^\"]+)\"", re.IGNORECASE)


def build(docs: Path, out: Path, builder: str = "html") -> subprocess.CompletedProcess[str]:
    """Build the site as `make docs` does."""
    pytest.importorskip("sphinx", reason="pip install -e '.[docs]' brings it")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", builder, str(docs), str(out)]
    return subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)


def copy_of_the_docs(folder: Path) -> Path:
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"):
        shutil.copy(DOCS.parent / name, folder)
    return shutil.copytree(DOCS, folder / "docs")


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    built = build(DOCS, tmp_path / "site")
    assert built.returncode == 0, built.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert {page.stem for page in DOCS.glob("*.md")} <= {page.stem for page in pages}
    loaded = {link for page in pages for link in LOADED.findall(page.read_text("utf-8"))}
    assert loaded
    assert [link for link in loaded if "//" in link] == []
    for sheet in (tmp_path / "site").rglob("*.css"):
        assert not re.search(r"url\(['\"]?(?:https?:)?//|@import\s+['\"]https?:", sheet.read_text("utf-8")), sheet
    reference = (tmp_path / "site" / "reference.html").read_text("utf-8")
    assert 'id="onbox.measure_speed"' in reference
    assert "by default the server is asked" in reference


@pytest.mark.parametrize("wrong", ["[gone](no-such-page.md)", "[gone](judging.md#no-such-part)"])
def test_a_broken_link_fails_the_build(tmp_path: Path, wrong: str) -> None:
    docs = copy_of_the_docs(tmp_path)
    for page in docs.glob("*.md"):
        if page.name not in ("index.md", "judging.md"):
            page.unlink()
    for page in docs.glob("*.rst"):
        page.unlink()
    (docs / "index.md").write_text(f"# Pages\n\n[how](judging.md) {wrong}\n\n:::{{toctree}}\njudging\n:::\n")
    built = build(docs, tmp_path / "site")
    assert built.returncode != 0
    assert "no-such-pa" in built.stderr


def test_the_reference_has_every_public_name_once() -> None:
    named = re.findall(r"^\.\. auto\w+:: onbox\.(\w+)", (DOCS / "reference.rst").read_text("utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(set(onbox.__all__) - {"__version__"})


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r"^[a-z-]+$", (DOCS / "index.md").read_text("utf-8"), re.MULTILINE)
    pages = {page.stem for page in [*DOCS.glob("*.md"), *DOCS.glob("*.rst")]}
    assert sorted(listed) == sorted(pages - {"index"})


@pytest.mark.slow
def test_the_manual_page_is_made_from_the_parser(tmp_path: Path) -> None:
    built = build(DOCS, tmp_path / "man", "man")
    assert built.returncode == 0, built.stderr
    manual = (tmp_path / "man" / "onbox.1").read_text("utf-8")
    assert "worth running on the box you own" in manual
    assert "acceptance" in manual
