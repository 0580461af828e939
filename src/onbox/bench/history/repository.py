"""Reads a repository that may be hostile: its commits, their trees and the contents of files.

git never sees the repository's own configuration, attributes, hooks, replacements or remotes: it runs in a bare folder
of our own, which only borrows the repository's objects. Nothing is checked out by git, so that no filter runs.
"""

import io
import os
import re
import stat
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from onbox.errors import BoxError, UsageError
from onbox.schema.units import size

GIT_S = 120.0
OBJECT_BYTES_MAX = 256 << 20
"""Of all that one command prints."""
_BLOCK_BYTES = 1 << 20
MESSAGE_CHARS_MAX = 20_000
_SMALL_BYTES = 1 << 20
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"refs/[^\x00-\x20\x7f~^:?*\[\\]+")
_PACKED_BYTES_MAX = 64 << 20

FILE, EXECUTABLE = "100644", "100755"
LINK, MODULE = "120000", "160000"


@dataclass(frozen=True)
class Change:
    """One path that a commit changes.

    Args:
        path: relative name; None where it is no UTF-8 or holds control characters.
        before: mode and object before; None where it was not there.
        after: mode and object after; None where it is gone.
    """

    path: str | None
    before: tuple[str, str] | None
    after: tuple[str, str] | None


@dataclass(frozen=True)
class Commit:
    """A commit and what it changes.

    Args:
        name: its whole hash.
        parents: their hashes; none for the oldest of a shallow repository.
        time_s: of the committer, seconds since 1970.
        message: as text.
        changes: against its first parent; empty for a merge.
    """

    name: str
    parents: tuple[str, ...]
    time_s: int
    message: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class TreeEntry:
    """A file of a tree: its mode, object and size in bytes."""

    mode: str
    blob: str
    size_bytes: int


class GitRepository:
    """A repository's objects.

    Args:
        path: its working folder, or a bare repository.
        scratch: a new folder for our own git.

    Raises:
        UsageError: it is no repository, has no commit, or is of a kind that cannot be read here.
        BoxError: git is not installed.
    """

    def __init__(self, path: Path, scratch: Path) -> None:
        self.path = path
        folder = _git_folder(path)
        common = _common_folder(folder)
        objects = common / "objects"
        if not objects.is_dir():
            raise UsageError(f"{path}: no git repository: {objects} is missing", "give the folder of one")
        self.head = _head(path, folder, common)
        self.shallow = (common / "shallow").is_file()
        self._folder = scratch / "git"
        for name in ("objects/info", "refs"):
            (self._folder / name).mkdir(parents=True)
        (self._folder / "HEAD").write_text("ref: refs/heads/none\n")
        kind = "\n[extensions]\n\tobjectFormat = sha256\n" if len(self.head) == 64 else "\n"
        version = 1 if len(self.head) == 64 else 0
        (self._folder / "config").write_text(f"[core]\n\trepositoryFormatVersion = {version}\n\tbare = true{kind}")
        borrowed = str(objects.resolve())
        if "\n" in borrowed:
            raise UsageError(f"{path!r}: its name contains a line break", "move it elsewhere")
        (self._folder / "objects/info/alternates").write_text(borrowed + "\n")
        self._ends: frozenset[str] = frozenset()
        if self.shallow:
            text = _small(common / "shallow")
            (self._folder / "shallow").write_bytes(text)
            self._ends = frozenset(text.decode("ascii", "replace").split())

    def commits(self, count: int) -> list[Commit]:
        """The newest commits that lead to HEAD, newest first.

        Raises:
            UsageError: the history cannot be read: objects are missing or broken.
        """
        names = self._git("rev-list", f"--max-count={count}", self.head, "--").decode().split()
        objects = dict(zip(names, self._objects(names), strict=True))
        parents = {name: () if name in self._ends else _parents(objects[name]) for name in names}
        changed = self._changes([name for name in names if len(parents[name]) == 1])
        return [_commit(name, parents[name], objects[name], changed.get(name, ())) for name in names]

    def tree(self, commit: str) -> dict[str, TreeEntry]:
        """The files of a commit whose names are UTF-8 without control characters; links and submodules included.

        Raises:
            UsageError: the tree cannot be read.
        """
        found = {}
        for line in self._git("ls-tree", "-r", "-z", "-l", "--full-tree", commit).split(b"\0"):
            facts, _, raw = line.partition(b"\t")
            path = _name(raw)
            if facts and path is not None:
                mode, _, blob, size = facts.decode().split()
                found[path] = TreeEntry(mode, blob, int(size) if size.isdigit() else 0)
        return found

    def contents(self, blobs: Iterable[str]) -> dict[str, bytes]:
        """The contents of objects.

        Raises:
            UsageError: one is missing, as in a partial clone.
        """
        names = list(dict.fromkeys(blobs))
        return dict(zip(names, self._objects(names), strict=True))

    def _objects(self, names: Sequence[str]) -> list[bytes]:
        data = self._git("cat-file", "--batch", stdin="".join(f"{name}\n" for name in names).encode())
        found, at = [], 0
        for name in names:
            head, _, _ = data[at : at + 200].partition(b"\n")
            words = head.split()
            if len(words) != 3:
                raise UsageError(f"{self.path}: object {name[:12]} is missing", "fetch the whole repository")
            begin = at + len(head) + 1
            found.append(data[begin : begin + int(words[2])])
            at = begin + int(words[2]) + 1
        return found

    def _changes(self, names: Sequence[str]) -> dict[str, tuple[Change, ...]]:
        words = ("-r", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-ext-diff", "--no-textconv")
        data = self._git("diff-tree", "--stdin", *words, stdin="".join(f"{name}\n" for name in names).encode())
        found: dict[str, list[Change]] = {}
        current, tokens = "", iter(data.split(b"\0"))
        for token in tokens:
            if token.startswith(b":"):
                old_mode, new_mode, old, new, _ = token[1:].decode().split()
                path = _name(next(tokens))
                before = None if old_mode == "000000" else (old_mode, old)
                after = None if new_mode == "000000" else (new_mode, new)
                found[current].append(Change(path, before, after))
            elif token:
                current = token.decode().strip()
                found[current] = []
        return {name: tuple(changes) for name, changes in found.items()}

    def _git(self, *words: str, stdin: bytes = b"") -> bytes:
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._folder),
            "LC_ALL": "C",
            "GIT_DIR": str(self._folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
        }
        command = ["git", "--no-pager", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", *words]
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as errors:
            given.write(stdin)
            given.seek(0)
            try:
                process = subprocess.Popen(
                    command, stdin=given, stdout=subprocess.PIPE, stderr=errors, env=env, cwd=self._folder
                )
            except FileNotFoundError as error:
                raise BoxError("git is not installed", "apt install git") from error
            printed = self._printed(process, words[0])
            if process.returncode != 0:
                errors.seek(0)
                lines = errors.read(_SMALL_BYTES).decode("utf-8", "replace").strip().splitlines()
                text = (lines or ["it said nothing"])[0].encode("ascii", "backslashreplace").decode()[:200]
                raise UsageError(f"{self.path}: git {words[0]}: {text}", "git fsck in it shows what is broken")
            return printed

    def _printed(self, process: "subprocess.Popen[bytes]", word: str) -> bytes:
        """All that a git prints, once it has ended; a few packed bytes may stand for more than any memory."""
        is_late = threading.Event()

        def end() -> None:
            is_late.set()
            process.kill()

        limit = threading.Timer(GIT_S, end)
        limit.start()
        printed = io.BytesIO()
        try:
            with process:
                assert process.stdout is not None
                while block := process.stdout.read(_BLOCK_BYTES):
                    if printed.tell() + len(block) > OBJECT_BYTES_MAX:
                        process.kill()
                        raise UsageError(
                            f"{self.path}: git {word}: more than {size(OBJECT_BYTES_MAX)}", "give fewer --commits"
                        )
                    printed.write(block)
        finally:
            limit.cancel()
        if is_late.is_set():
            raise UsageError(f"{self.path}: git {word} took more than {GIT_S:g} s", "give fewer --commits")
        return printed.getvalue()


def lay_out(target: Path, files: dict[str, tuple[bytes, bool]]) -> None:
    """Write files (content, whether executable) below the new or empty folder `target`; never through a link.

    Raises:
        OSError: names are in each other's way, or too long.
    """
    for name, (content, executable) in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644), "wb") as file:
            file.write(content)
        path.chmod(0o755 if executable else 0o644)


def is_safe_path(path: str) -> bool:
    """Whether a name from a tree stays below the folder it is laid out in, and is nothing of git's own."""
    parts = path.split("/")
    return all(part not in ("", ".", "..") and part.lower() != ".git" for part in parts)


def _name(raw: bytes) -> str | None:
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return name if name and name.isprintable() and is_safe_path(name) else None


def _git_folder(path: Path) -> Path:
    """The git folder of a working folder, a linked working folder, a submodule or a bare repository."""
    if not path.is_dir():
        raise UsageError(f"{path}: no such folder", "give the folder of a git repository")
    inner = path / ".git"
    if inner.is_dir():
        return inner
    if inner.is_file():
        text = _small(inner).decode("utf-8", "replace").strip()
        if not text.startswith("gitdir: "):
            raise UsageError(f"{inner}: no file of git's", "give the folder of a git repository")
        return path / text.removeprefix("gitdir: ")
    if (path / "HEAD").is_file() and (path / "objects").is_dir():
        return path
    raise UsageError(f"{path}: no git repository", "give the folder that holds .git, or a bare repository")


def _common_folder(folder: Path) -> Path:
    common = folder / "commondir"
    return folder / _small(common).decode("utf-8", "replace").strip() if common.is_file() else folder


def _head(path: Path, folder: Path, common: Path) -> str:
    try:
        text = _small(folder / "HEAD").decode("utf-8", "replace").strip()
    except OSError as error:
        raise UsageError(f"{path}: no git repository: HEAD cannot be read", "give the folder of one") from error
    if _HASH.fullmatch(text):
        return text
    name = text.removeprefix("ref:").strip()
    if (common / "reftable").is_dir():
        raise UsageError(
            f"{path}: its references are a reftable, which is not read here", "git clone it by an older git"
        )
    if not _REF.fullmatch(name) or ".." in name:
        raise UsageError(f"{path}: HEAD names no branch", "git checkout a branch in it")
    loose = common / name
    if loose.is_file():
        found = _small(loose).decode("ascii", "replace").strip()
    else:
        found = next((line.split()[0] for line in _packed(common) if line.endswith(" " + name)), "")
    if not _HASH.fullmatch(found):
        raise UsageError(f"{path}: has no commit on {name}", "commit something, or check out a branch that has commits")
    return found


def _packed(common: Path) -> Iterator[str]:
    path = common / "packed-refs"
    if path.is_file() and path.stat().st_size <= _PACKED_BYTES_MAX:
        yield from path.read_text("utf-8", "replace").splitlines()


def _small(path: Path) -> bytes:
    """A small regular file."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise UsageError(f"{path}: no regular file", "give the folder of a git repository")
        return file.read(_SMALL_BYTES)


def _parents(data: bytes) -> tuple[str, ...]:
    head = data.partition(b"\n\n")[0].decode("utf-8", "replace")
    return tuple(line.split()[1] for line in head.splitlines() if line.startswith("parent "))


def _commit(name: str, parents: tuple[str, ...], data: bytes, changes: tuple[Change, ...]) -> Commit:
    head, _, message = data.partition(b"\n\n")
    stamps = re.findall(rb"^committer .*> (\d{1,15}) [+-]\d{4}$", head, re.MULTILINE)
    text = message.decode("utf-8", "replace").strip()[:MESSAGE_CHARS_MAX]
    return Commit(name, parents, int(stamps[0]) if stamps else 0, text, changes)
