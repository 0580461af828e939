"""What became of a workspace: a count and a unified diff of two snapshots."""

import difflib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from onbox.evidence.records import Changes

TEXT_BYTES_MAX = 256 * 1024
"""Larger files are named in a patch, not shown: a line diff takes time by the square of the lines."""

_BY_PRODUCTS = ("__pycache__", ".pytest_cache")


@dataclass(frozen=True)
class _FileDiff:
    """One file that differs; `before` or `after` is None where it is not there."""

    name: str
    before: bytes | None
    after: bytes | None

    def lines(self) -> list[str] | None:
        """The body of the unified diff without its two header lines; None for a file that is no text or too large."""
        old, new = _text(self.before), _text(self.after)
        if old is None or new is None:
            return None
        return list(difflib.unified_diff(old, new))[2:]

    def header(self) -> str:
        """The lines before the body, in the form that `git apply` reads."""
        old, new = _quoted("a/" + self.name), _quoted("b/" + self.name)
        text = f"diff --git {old} {new}\n"
        if self.before is None:
            text += "new file mode 100644\n"
        elif self.after is None:
            text += "deleted file mode 100644\n"
        return text

    def names(self) -> tuple[str, str]:
        """The two names of the diff, `/dev/null` for the side that is not there."""
        old = "/dev/null" if self.before is None else _quoted("a/" + self.name)
        new = "/dev/null" if self.after is None else _quoted("b/" + self.name)
        return old, new


def changes(before: Path, after: Path) -> Changes:
    """Count the files that differ between two snapshots, and the lines added and removed in those that are text."""
    files = added = removed = 0
    for diff in _compare(before, after):
        files += 1
        for line in diff.lines() or ():
            added += line.startswith("+")
            removed += line.startswith("-")
    return Changes(files=files, lines_added=added, lines_removed=removed)


def changed_files(before: Path, after: Path) -> list[str]:
    """The relative names of the files that differ between two snapshots, sorted."""
    return [diff.name for diff in _compare(before, after)]


def without_each_hunk(before: Path, after: Path) -> Iterator[tuple[int, bytes]]:
    """The content of `after` with one of its hunks left out, for each hunk; none where either is no text file.

    Yields:
        The line in `after` where the hunk begins, from 1, and the content without it.
    """
    old, new = (_text(path.read_bytes()) if path.is_file() else None for path in (before, after))
    if old is None or new is None:
        return
    steps = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for left_out in (step for step in steps if step[0] != "equal"):
        lines = [
            line for step in steps for line in (old[step[1] : step[2]] if step is left_out else new[step[3] : step[4]])
        ]
        yield left_out[3] + 1, "".join(lines).encode("utf-8")


def patch(before: Path, after: Path) -> str:
    """Unified diff from one snapshot to another, in git's form; binary and very large files are named only."""
    return "".join(_render(diff) for diff in _compare(before, after))


def _render(diff: _FileDiff) -> str:
    old, new = diff.names()
    body = diff.lines()
    if body is None:
        return diff.header() + f"Binary files {old} and {new} differ\n"
    if not body:
        return diff.header()
    text = "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in body)
    return diff.header() + f"--- {old}\n+++ {new}\n{text}"


def _compare(before: Path, after: Path) -> Iterator[_FileDiff]:
    """The files that differ, by name; what running Python leaves behind is not looked at."""
    old, new = _files(before), _files(after)
    for name in sorted(old.keys() | new.keys()):
        was = old[name].read_bytes() if name in old else None
        now = new[name].read_bytes() if name in new else None
        if was != now:
            yield _FileDiff(name, was, now)


def _files(root: Path) -> dict[str, Path]:
    found = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _BY_PRODUCTS]
        for name in names:
            path = Path(folder, name)
            found[str(path.relative_to(root))] = path
    return found


def _text(content: bytes | None) -> list[str] | None:
    """The lines with their newlines; None when it is no text. Only a newline ends a line, as in git."""
    if content is None:
        return []
    if len(content) > TEXT_BYTES_MAX or b"\0" in content:
        return None
    try:
        *lines, last = content.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return None
    return [line + "\n" for line in lines] + ([last] if last else [])


def _quoted(name: str) -> str:
    """A name as git writes it: plain where it can be, else in quotes with escapes."""
    shown = os.fsencode(name).decode("utf-8", "backslashreplace")
    return shown if shown.isprintable() and not set(shown) & set('"\\') else json.dumps(shown)
