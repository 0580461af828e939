"""Small repositories with a history, made for a test."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
}


def git(folder: Path, *words: str, stdin: bytes = b"") -> str:
    done = subprocess.run(["git", *words], cwd=folder, env=ENV, input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


def new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    return folder


def commit(folder: Path, message: str, files: Mapping[str, str | None]) -> str:
    """Commit these files; None deletes one."""
    for name, text in files.items():
        path = folder / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    git(folder, "add", "-A", "-f", ".")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


SLUGS = "def slug(title):\n    return title.lower()\n\n\ndef words(title):\n    return title.split()\n"
TEST = """import unittest

from slugs import slug, words


class Slugs(unittest.TestCase):
    def test_lower(self):
        self.assertEqual(slug("One"), "one")

    def test_words(self):
        self.assertEqual(words("a b"), ["a", "b"])
"""
SPACES = """
    def test_spaces(self):
        self.assertEqual(slug("One Two"), "one-two")
"""


def slugs(folder: Path) -> tuple[Path, list[str]]:
    """Three commits: the start, words only, and one with a test that fails before and passes after."""
    new(folder)
    first = commit(folder, "start", {"slugs.py": SLUGS, "tests/__init__.py": "", "tests/test_slugs.py": TEST})
    second = commit(folder, "docs: a readme", {"README.md": "Slugs.\n"})
    third = commit(
        folder,
        "Spaces become dashes in a slug (#12)\n\nA title of several words made an address with a space in it.\n\n"
        "```\nreturn title.lower().replace(...)\n```\nSigned-off-by: A <a@example.org>",
        {
            "slugs.py": SLUGS.replace("title.lower()", 'title.lower().replace(" ", "-")') + "\n\nNOTE = 1\n",
            "tests/test_slugs.py": TEST + SPACES,
            "README.md": "Slugs, with dashes.\n",
        },
    )
    return folder, [first, second, third]
