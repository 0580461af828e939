"""A project, a sandbox of no tier, and calls of tools."""

import json
from pathlib import Path
from typing import Any

import pytest

from onbox.bench.sandbox.none import Unsafe
from onbox.bench.tools import Toolbox


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "one.py").write_text("alpha = 1\nbeta = alpha\n")
    (folder / "README.md").write_text("# Title\n")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("alpha")
    (tmp_path / "secret").write_text("alpha secret")
    return folder


@pytest.fixture
def box(app: Path) -> Toolbox:
    return Toolbox(app, Unsafe(), command_s=10)


def call(box: Toolbox, name: str, **arguments: Any) -> str:
    return box.call(name, json.dumps(arguments))
