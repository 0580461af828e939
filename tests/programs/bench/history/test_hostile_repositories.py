"""Repositories of strangers: nothing of theirs runs, nothing leads out, each mistake is one line."""

import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from onbox.app.tasks import tasks_from
from onbox.bench.history import repository as repository_module
from onbox.bench.history.repository import GitRepository, is_safe_path
from onbox.bench.tasks import load_tasks
from onbox.errors import UsageError
from tests.programs.bench.history.repositories import SLUGS, TEST, commit, git, new, slugs


def no_repository(folder: Path) -> None:
    folder.mkdir()


def empty(folder: Path) -> None:
    new(folder)


def one_commit(folder: Path) -> None:
    commit(new(folder), "start", {"a.py": ""})


def shallow(folder: Path) -> None:
    whole, _ = slugs(folder.with_name("whole"))
    git(folder.parent, "clone", "-q", "--depth", "1", f"file://{whole}", str(folder))


def only_merges(folder: Path) -> None:
    new(folder)
    names = [git(folder, "commit-tree", git(folder, "write-tree"), "-m", text) for text in ("a", "b")]
    merge = git(folder, "commit-tree", git(folder, "write-tree"), "-p", names[0], "-p", names[1], "-m", "merge")
    (folder / ".git/shallow").write_text(merge + "\n")
    git(folder, "update-ref", "refs/heads/main", merge)
    (folder / ".git/shallow").unlink()
    for name in names:
        (folder / ".git/objects" / name[:2] / name[2:]).unlink()


def detached_from_nothing(folder: Path) -> None:
    new(folder)
    (folder / ".git/HEAD").write_text("ref: ../../../../etc/passwd\n")


def objects_gone(folder: Path) -> None:
    repository, names = slugs(folder)
    (repository / ".git/objects" / names[0][:2] / names[0][2:]).unlink()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (no_repository, "no git repository"),
        (empty, "has no commit on refs/heads/main"),
        (one_commit, "has only one commit"),
        (shallow, "has only one commit"),
        (only_merges, "git rev-list"),
        (detached_from_nothing, "HEAD names no branch"),
        (objects_gone, "git rev-list"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path: Path, make: Callable[[Path], None], words: str) -> None:
    make(tmp_path / "it")
    with pytest.raises(UsageError) as caught:
        tasks_from(tmp_path / "it", tmp_path / "tasks")
    assert words in caught.value.message
    assert caught.value.message.isprintable()
    assert caught.value.next_step


def test_a_history_of_merges_alone(tmp_path: Path) -> None:
    repository = new(tmp_path / "it")
    tree = git(repository, "write-tree")
    names = [git(repository, "commit-tree", tree, "-m", text) for text in ("a", "b")]
    head = git(repository, "commit-tree", tree, "-p", names[0], "-p", names[1], "-m", "merge")
    git(repository, "update-ref", "refs/heads/main", head)
    with pytest.raises(UsageError, match="no commits other than merges"):
        tasks_from(repository, tmp_path / "tasks", commits=1)


def test_a_bare_repository_and_a_linked_folder_are_read(tmp_path: Path) -> None:
    repository, names = slugs(tmp_path / "slugs")
    git(tmp_path, "clone", "-q", "--bare", str(repository), "bare.git")
    git(repository, "worktree", "add", "-q", str(tmp_path / "linked"), "-b", "größer/2")
    git(repository, "pack-refs", "--all")
    for number, path in enumerate((tmp_path / "bare.git", tmp_path / "linked", repository)):
        (tmp_path / str(number)).mkdir()
        found = GitRepository(path, tmp_path / str(number)).commits(10)
        assert [item.name for item in found] == names[::-1]


@pytest.mark.slow
def test_nothing_of_the_repository_runs(tmp_path: Path) -> None:
    repository, _ = slugs(tmp_path / "slugs")
    witness = tmp_path / "ran"
    hook = f"#!/bin/sh\ntouch {witness}\n"
    # Code that runs when it is imported, or by the set-up of its tests, may do so in the sandbox alone.
    trap = f"import pathlib\ntry:\n    pathlib.Path({str(witness)!r}).write_text('')\nexcept OSError:\n    pass\n"
    traps = dict.fromkeys(("setup.py", "conftest.py", "sitecustomize.py"), trap)
    commit(repository, "traps", {**traps, ".gitattributes": "* filter=evil diff=evil export-subst\n"})
    shutil.copy(repository / ".gitattributes", repository / ".git/info/attributes")
    (repository / ".git/hooks").mkdir(exist_ok=True)
    for name in ("post-checkout", "pre-commit", "reference-transaction", "fsmonitor-watchman"):
        (repository / ".git/hooks" / name).write_text(hook)
        (repository / ".git/hooks" / name).chmod(0o755)
    tool = tmp_path / "tool"
    tool.write_text(hook)
    tool.chmod(0o755)
    with (repository / ".git/config").open("a") as file:
        file.write(
            f"[core]\n\tfsmonitor = {tool}\n\tpager = {tool}\n\tsshCommand = {tool}\n[diff]\n\texternal = {tool}\n"
            f'[filter "evil"]\n\tsmudge = {tool}\n\tclean = {tool}\n\tprocess = {tool}\n[diff "evil"]\n'
            f'\ttextconv = {tool}\n\tcommand = {tool}\n[remote "origin"]\n\turl = ext::{tool}\n\tpromisor = true\n'
        )
    result = tasks_from(repository, tmp_path / "tasks")
    assert len(result.kept) == 1
    assert not witness.exists()
    # The traps do catch who reads the repository's own configuration.
    with suppress(subprocess.CalledProcessError):
        git(repository, "status")
    assert witness.exists()


@pytest.mark.slow
def test_odd_names_and_links_stay_out_of_the_workspace(tmp_path: Path) -> None:
    repository = new(tmp_path / "odd")
    commit(repository, "start", {"slugs.py": SLUGS, "tests/__init__.py": "", "tests/test_slugs.py": TEST})
    (repository / os.fsdecode(b"bad-\xff\n.txt")).write_text("x")
    (repository / "out").symlink_to("/etc")
    (repository / "passwd").symlink_to("/etc/passwd")
    commit(repository, "odd", {})
    odd = git(repository, "rev-parse", "HEAD")
    good = commit(
        repository,
        "Slugs have dashes",
        {
            "slugs.py": SLUGS.replace("title.lower()", 'title.lower().replace(" ", "-")'),
            "tests/test_slugs.py": TEST.replace('slug("One"), "one"', 'slug("One Two"), "one-two"'),
        },
    )
    result = tasks_from(repository, tmp_path / "tasks")
    assert [end.commit for end in result.kept] == [good]
    assert {end.commit: end.why for end in result.dropped}[odd] == "changes a file whose name is no plain text"
    app = load_tasks(tmp_path / "tasks")[0].environment / "app"
    assert sorted(path.relative_to(app).as_posix() for path in app.rglob("*") if path.is_file()) == [
        "slugs.py",
        "tests/__init__.py",
        "tests/test_slugs.py",
    ]


@pytest.mark.parametrize("name", ["../up", "a/../../up", "/etc/passwd", "a//b", ".git/config", "a/.GIT/config", "."])
def test_names_that_lead_out(name: str) -> None:
    assert not is_safe_path(name)


def test_a_repository_without_tests_says_so(tmp_path: Path) -> None:
    repository = new(tmp_path / "plain")
    for number in range(3):
        commit(repository, f"step {number}", {"a.py": f"A = {number}\n"})
    result = tasks_from(repository, tmp_path / "tasks")
    assert [end.why for end in result.dropped] == ["changes no tests", "changes no tests", "nothing before it"]
    assert result.kept == ()


def test_what_git_prints_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A megabyte of one letter is a kilobyte when it is packed."""
    folder = new(tmp_path / "bomb")
    name = commit(folder, "start", {"a.txt": "x" * 1_000_000})
    (tmp_path / "scratch").mkdir()
    repository = GitRepository(folder, tmp_path / "scratch")
    (entry,) = repository.tree(name).values()
    assert len(repository.contents([entry.blob])[entry.blob]) == 1_000_000
    monkeypatch.setattr(repository_module, "OBJECT_BYTES_MAX", 100_000)
    with pytest.raises(UsageError, match=r"git cat-file: more than 100 kB"):
        repository.contents([entry.blob])


def test_a_git_that_does_not_end_is_ended_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = new(tmp_path / "slow")
    commit(folder, "start", {"a.txt": "x"})
    (tmp_path / "scratch").mkdir()
    repository = GitRepository(folder, tmp_path / "scratch")
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "git").write_text("#!/bin/sh\nexec sleep 600\n")
    (tmp_path / "programs" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}:{os.environ['PATH']}")
    monkeypatch.setattr(repository_module, "GIT_S", 0.2)
    with pytest.raises(UsageError, match=r"slow: git ls-tree took more than 0\.2 s"):
        repository.tree(repository.head)
