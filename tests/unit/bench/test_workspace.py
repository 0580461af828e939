"""Workspaces: made the same every time, and read whatever an agent left in them."""

import os
from pathlib import Path

import pytest

from onbox.bench.diff import changed_files, changes, patch
from onbox.bench.tasks import BUILTIN, load_task
from onbox.bench.workspace import MTIME_S, make_workspace, snapshot
from onbox.errors import BoxError, UsageError
from onbox.evidence.records import Changes


def tree(root: Path) -> dict[str, tuple[bytes, int, float]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mode & 0o777, path.stat().st_mtime)
        for path in root.rglob("*")
        if path.is_file()
    }


def make_task(root: Path, dockerfile: str) -> Path:
    for name, text in {
        "instruction.md": "Do it.",
        "task.toml": "",
        "tests/test.sh": "exit 0",
        "environment/a.py": "a = 1\n",
        "environment/lib/b.py": "b = 2\n",
        "environment/lib/deep/c.py": "c = 3\n",
        "environment/Dockerfile": dockerfile,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_two_workspaces_are_equal_to_the_second_of_their_files(tmp_path: Path) -> None:
    task = load_task(BUILTIN / "rename-2-files")
    make_workspace(task, tmp_path / "one")
    make_workspace(task, tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert {mtime for _, _, mtime in tree(tmp_path / "one").values()} == {MTIME_S}
    assert "ledger/invoice.py" in tree(tmp_path / "one")
    assert not list((tmp_path / "one").rglob("Dockerfile"))


@pytest.mark.parametrize(
    ("copy", "wanted"),
    [
        ("COPY a.py .", {"a.py"}),
        ("COPY a.py x.py", {"x.py"}),
        ("COPY a.py x/", {"x/a.py"}),
        ("COPY lib lib", {"lib/b.py", "lib/deep/c.py"}),
        ("COPY lib /app/", {"b.py", "deep/c.py"}),
        ("COPY a.py lib/b.py src/", {"src/a.py", "src/b.py"}),
        ("COPY *.py ./", {"a.py"}),
        ("COPY . .", {"a.py", "lib/b.py", "lib/deep/c.py", "Dockerfile"}),
    ],
)
def test_copy_means_what_docker_means_by_it(tmp_path: Path, copy: str, wanted: set[str]) -> None:
    task = load_task(make_task(tmp_path / "task", f"FROM scratch\nWORKDIR /app\n{copy}\n"))
    make_workspace(task, tmp_path / "app")
    assert set(tree(tmp_path / "app")) == wanted


def test_a_task_that_needs_docker_is_refused_here(tmp_path: Path) -> None:
    task = load_task(make_task(tmp_path / "task", "FROM debian\nRUN apt-get install -y gcc\n"))
    assert task.needs_docker
    with pytest.raises(BoxError, match="needs Docker"):
        make_workspace(task, tmp_path / "app")


def test_a_copy_of_nothing_is_named(tmp_path: Path) -> None:
    task = load_task(make_task(tmp_path / "task", "FROM scratch\nCOPY missing.py .\n"))
    with pytest.raises(UsageError, match=r"COPY missing\.py: no such file"):
        make_workspace(task, tmp_path / "app")


def test_a_snapshot_survives_what_an_agent_may_leave(tmp_path: Path) -> None:
    app, copy = tmp_path / "app", tmp_path / "copy"
    app.mkdir()
    (app / "good.sh").write_text("exit 0\n")
    (app / "good.sh").chmod(0o700)
    (app / "loop").symlink_to(".")
    (app / "self").symlink_to("self")
    (app / "passwd").symlink_to("/etc/passwd")
    os.mkfifo(app / "pipe")
    with (app / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    odd = [b"\xff\xfe", b"new\nline", b"-rf", b" ", "é".encode()]
    for name in odd:
        Path(os.fsdecode(os.path.join(os.fsencode(app), name))).write_bytes(name)  # noqa: PTH118
    deep = app
    for _ in range(12):
        deep = deep / ("d" * 200)
    deep.mkdir(parents=True)
    (deep / "file").write_text("deep")

    taken = snapshot(app, copy)

    assert taken.files == 2 + len(odd)
    assert taken.left_out == ("loop", "passwd", "pipe", "self", "sparse")
    assert all(path.is_dir() or path.is_file() for path in copy.rglob("*"))
    assert not any(path.is_symlink() for path in copy.rglob("*"))
    assert {os.fsencode(path.name) for path in copy.iterdir() if path.is_file()} == {b"good.sh", *odd}
    assert (copy / "good.sh").stat().st_mode & 0o777 == 0o755
    assert "\\xff" in patch(tmp_path / "nothing", copy)


def test_a_name_too_long_for_the_copy_is_left_out(tmp_path: Path) -> None:
    here = Path.cwd()
    app = tmp_path / "a"
    app.mkdir()
    try:
        os.chdir(app)
        for _ in range(19):
            Path("d" * 200).mkdir()
            os.chdir("d" * 200)
        Path("f" * 200).write_text("far down")
    finally:
        os.chdir(here)
    long = tmp_path / ("c" * 200)
    taken = snapshot(app, long)
    assert (taken.files, len(taken.left_out)) == (0, 1)


def test_limits_leave_files_out_and_say_so(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    for number in range(10):
        (app / f"{number}").write_bytes(b"x" * 100)
    assert snapshot(app, tmp_path / "a", files_max=4).left_out == tuple("456789")
    assert snapshot(app, tmp_path / "b", bytes_max=250).left_out == tuple("23456789")
    assert snapshot(app, tmp_path / "c", file_bytes_max=99).files == 0
    assert snapshot(app, tmp_path / "d").bytes == 1000


def write(root: Path, files: dict[str, bytes]) -> Path:
    root.mkdir(parents=True)
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


BEFORE = {"same.py": b"a\n", "edit.py": b"one\ntwo\nthree\n", "gone.py": b"x\ny\n", "image.png": b"\0\1"}
AFTER = {
    "same.py": b"a\n",
    "edit.py": b"one\n2\nthree\nfour",
    "new/name.py": b"n\n",
    "image.png": b"\0\2",
    "new/__pycache__/name.cpython-311.pyc": b"\0",
    ".pytest_cache/README.md": b"by-product",
}


def test_changes_count_files_and_lines_but_not_by_products(tmp_path: Path) -> None:
    before, after = write(tmp_path / "before", BEFORE), write(tmp_path / "after", AFTER)
    assert changed_files(before, after) == ["edit.py", "gone.py", "image.png", "new/name.py"]
    assert changes(before, after) == Changes(files=4, lines_added=3, lines_removed=3)
    assert changes(before, before) == Changes(files=0, lines_added=0, lines_removed=0)
    assert patch(before, before) == ""


def test_a_patch_names_binary_files_and_shows_the_others(tmp_path: Path) -> None:
    before, after = write(tmp_path / "before", BEFORE), write(tmp_path / "after", AFTER)
    text = patch(before, after)
    assert "Binary files a/image.png and b/image.png differ\n" in text
    assert "--- a/gone.py\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-x\n-y\n" in text
    assert text.count("\\ No newline at end of file\n") == 1


def test_a_very_large_text_is_named_only(tmp_path: Path) -> None:
    lines = [b"%d\n" % number for number in range(100_000)]
    before, after = write(tmp_path / "a", {"big": b"".join(lines)}), write(tmp_path / "b", {"big": b"small\n"})
    assert patch(before, after).endswith("Binary files a/big and b/big differ\n")
