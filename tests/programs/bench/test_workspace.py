"""Workspaces: made the same every time, and read whatever an agent left in them."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.bench.diff import patch


def tree(root: Path) -> dict[str, tuple[bytes, int, float]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mode & 0o777, path.stat().st_mtime)
        for path in root.rglob("*")
        if path.is_file()
    }


def write(root: Path, files: dict[str, bytes]) -> Path:
    root.mkdir(parents=True)
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


texts = st.dictionaries(
    st.sampled_from(["a", "b", "d/c", 'q"uote', "sp ace"]),
    st.text(alphabet="ab\n\r\f\u2028é", max_size=12).map(str.encode),
    max_size=4,
)


@given(old=texts, new=texts)
def test_git_can_apply_the_patch(
    tmp_path_factory: pytest.TempPathFactory, old: dict[str, bytes], new: dict[str, bytes]
) -> None:
    root = tmp_path_factory.mktemp("patch")
    before, after = write(root / "before", old), write(root / "after", new)
    text = patch(before, after)
    if text:
        git = ["git", "apply", "--whitespace=nowarn", "-"]
        subprocess.run(
            git,
            cwd=before,
            input=text.encode(),
            check=True,
            env={"PATH": os.environ["PATH"], "GIT_DIR": "/nonexistent"},
        )
    assert {name: content for name, (content, _, _) in tree(before).items()} == new
