"""What the agent is asked, made of a commit's message and diff stat: what is wanted, and not how it was done.

It is a draft for the repository's owner, who knows what was meant.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from onbox.bench.history.groups import bare_name
from onbox.bench.history.interface import documented, new_names, signatures, text_of, touched_names
from onbox.bench.history.overlap import origin
from onbox.bench.history.paths import is_changelog

TESTS_MAX = 12
ALIKE_MAX = 3
"""Tests that are named of those that fail in the same way."""
NAMES_MAX = 20
WORDS_MAX = 3000
ENTRY_LINES_MAX = 12
"""Of an entry of a changelog before and after its new lines."""
CHANGELOG_LINES_MAX = 20_000
"""A longer one is not read."""
_TRAILER = re.compile(
    r"^(?:[A-Z][A-Za-z-]+-by|change-id|cc|fixes|closes|refs?|see|reviewed-on|git-svn-id|pull request|bug|issue)\s*:?.*"
    r"(?:@|#\d|https?://|[0-9a-f]{7,}).*$",
    re.IGNORECASE,
)
_VERSION_ONLY = re.compile(
    r"^(?:\W*(?:v|version|release[ds]?|bump|to|[A-Za-z0-9_.-]*)?\W*)?v?\d+(?:\.\d+)+\S*\W*$", re.IGNORECASE
)
_NO_NEWS = re.compile(
    r"[\W_]*(?:v?\d[\w.\-+ ():,/]*)?[\W_]*|\[[^\]]+\]: *\S+"
    r"|[\W_]*(?:[A-Z][a-z]{2,8}\.? \d{1,2},? \d{4}|unreleased)[\W_]*"
)
"""Lines of a changelog that tell nothing of a change: versions, dates, where links lead."""
_TASK = "Change this project so that it does what is described here.\n"
_PART = "Only a part of it is wanted: what the tests named below are about.\n"
_UNSAID = "Change this project so that the tests named below pass: their names say what is wanted.\n"
_EVERYWHERE = frozenset(
    {"test", "tests", "with", "from", "when", "that", "does", "util", "utils", "init", "core", "main", "release"}
)
_RUN = {
    "pytest": "python3 -m pytest {}",
    "unittest": "python3 -m unittest {}",
    "node": "node --test {}",
    "vitest": "node /node_modules/vitest/vitest.mjs run {}",
    "jest": "node /node_modules/jest/bin/jest.js {}",
    "go": "go test ./...",
    "cargo": "cargo test --offline",
}


@dataclass(frozen=True)
class CodeStates:
    """The files that a commit changes, tests aside, by name.

    Args:
        before: as they were.
        after: as they are then.
        least: as they are with no more than the tests need.
    """

    before: Mapping[str, bytes]
    after: Mapping[str, bytes]
    least: Mapping[str, bytes]


@dataclass(frozen=True)
class HiddenTests:
    """The tests of a commit, which decide and which the agent does not see.

    Args:
        files: all tests as they are then, by name.
        targets: the files of those that decide.
        failing: the ids of those that fail before and pass after.
        kind: the runner.
        why: how tests fail before, by id.
    """

    files: Mapping[str, bytes]
    targets: Sequence[str]
    failing: Sequence[str]
    kind: str
    why: Mapping[str, str] = field(default_factory=dict)


def instruction(message: str, code: CodeStates, tests: HiddenTests, *, part: bool = False) -> str:
    """The draft.

    Args:
        message: of the commit.
        code: before, after, and with no more than the tests need.
        tests: that decide.
        part: the task is a part of the commit.
    """
    before, after, least = code.before, code.after, code.least
    wanted, news = prose(message), changelog(before, after)
    if part:
        news = _about(news, _words_of(before, least, tests.failing))
    parts = [_TASK if wanted or news else _UNSAID]
    if wanted:
        parts.append(wanted + "\n")
    if news:
        parts.append("The project's own notes on the change:\n\n" + news + "\n")
    if part and (wanted or news):
        parts.append(_PART)
    touched = [name for name in sorted({*before, *least}) if before.get(name) != least.get(name)]
    stat = [f"- `{name}` ({_stat(name, before, least)})" for name in touched[:NAMES_MAX]]
    parts.append("Files that it is about, and how much of each:\n\n" + "\n".join(stat) + "\n")
    deciding = {
        name: content
        for name, content in tests.files.items()
        if name in tests.targets or name.rpartition("/")[2] == "conftest.py"
    }
    if names := new_names(before, least, deciding):
        calls = signatures(names, least)
        shown = ", ".join(f"`{calls.get(name, name)}`" for name in names)
        parts.append(f"Names that are new and that its tests use: {shown}\n")
    if documentation := "\n".join(documented(before, least, after)):
        parts.append(
            "What the documentation in the code says then, where it says more than now:\n\n" + documentation + "\n"
        )
    parts.append(
        "Tests that you do not see will decide. These fail now and must pass:\n\n"
        + "\n".join(_list_of_tests(tests.failing, tests.why, names))
        + "\n"
    )
    command = _RUN[tests.kind].format(" ".join(tests.targets[:3]))
    parts.append(
        f"What passes now must still pass. The tests that are here run with `{command}`. There is no network.\n"
    )
    return "\n".join(parts)


def _list_of_tests(failing: Sequence[str], why: Mapping[str, str], new: Sequence[str]) -> list[str]:
    """A line for each, but for few of those that fail in the same way: first those that have a new name in theirs."""
    by_failure: dict[str, list[str]] = {}
    for name in failing:
        by_failure.setdefault(_how(name, why), []).append(name)
    lines: list[str] = []
    left = 0
    for how, alike in by_failure.items():
        many = bool(how) and len(alike) > ALIKE_MAX
        first = sorted(alike, key=lambda name: not any(word in bare_name(name) for word in new)) if many else alike
        shown = first[: min(ALIKE_MAX if many else TESTS_MAX, max(TESTS_MAX - len(lines), 0))]
        lines += [f"- `{name}`{how}" for name in shown]
        if many and shown:
            lines.append(f"- and {len(alike) - len(shown)} more that fail in the same way")
        else:
            left += len(alike) - len(shown)
    return lines + ([f"- and {left} more"] if left else [])


def _how(name: str, why: Mapping[str, str]) -> str:
    """How a test fails before, where that says more than that something was not as it was to be."""
    module = name.partition("::")[0]
    # A module that does not load has a reason for all of its tests.
    prose = why.get(name) or next((words for key, words in why.items() if module.startswith(key)), "")
    words = " ".join(prose.split())[:160]
    return f": `{words}`" if re.search(r"[A-Za-z]{3}.* ", words) and "`" not in words else ""


def _words_of(before: Mapping[str, bytes], least: Mapping[str, bytes], failing: Sequence[str]) -> set[str]:
    """Words by which a note on a change is known to be about these tests."""
    changed = [name for name, content in least.items() if before.get(name) != content]
    words = {re.sub(r"\W", "", name.rpartition("/")[2].partition(".")[0]) for name in changed}
    words |= touched_names(before, least)
    for name in failing:
        words |= set(re.split(r"[\W_]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.rpartition(":")[2])))
    return {word.lower() for word in words if len(word) > 3} - _EVERYWHERE


def _about(news: str, words: set[str]) -> str:
    """The notes that hold one of the words, each whole: a line that is indented goes with the one before it."""
    entries: list[list[str]] = []
    for line in news.splitlines():
        if entries and _goes_on(line):
            entries[-1].append(line)
        else:
            entries.append([line])
    return "\n".join("\n".join(entry) for entry in entries if words & _words_in("\n".join(entry).lower()))


def _words_in(text: str) -> set[str]:
    return {*re.findall(r"\w+", text), *re.findall(r"\w+", text.replace("_", " "))}


def says_little(message: str, before: Mapping[str, bytes], after: Mapping[str, bytes]) -> bool:
    """Whether neither the message nor a changelog says what was wanted, so that the owner has to."""
    return len(re.findall(r"[A-Za-z]{3,}", prose(message) + changelog(before, after))) < 4


def prose(message: str) -> str:
    """The message without what is not about the change, and without code: no trailers, no fences, no patches."""
    lines, fenced = [], False
    for line in message.splitlines():
        if line.strip().startswith("```"):
            fenced = not fenced
            continue
        if fenced or _TRAILER.match(line.strip()) or re.match(r"(?:    |\t|[+-]{1,3}[^\s-]|@@|>>> |diff --git)", line):
            continue
        lines.append(line.rstrip())
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    text = re.sub(r"\s*\((?:#\d+|https?://\S+)\)", "", text)
    subject = text.partition("\n")[0]
    if _VERSION_ONLY.match(subject):
        text = text.partition("\n")[2].strip()
    return text[:WORDS_MAX]


def changelog(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> str:
    """What the commit adds to a changelog: entries in which a line is new, each of them whole."""
    added: list[str] = []
    for name in sorted(after):
        if is_changelog(name):
            old, new = (text_of(files.get(name)).splitlines() for files in (before, after))
            if len(new) < CHANGELOG_LINES_MAX:
                added += [new[number].rstrip() for number in sorted(_of_new_entries(old, new))]
    kept = [line for line in added if line.strip() and not _NO_NEWS.fullmatch(line.strip())]
    return "\n".join(kept)[:WORDS_MAX]


def _of_new_entries(old: Sequence[str], new: Sequence[str]) -> set[int]:
    """The lines that are new, and those of the same entries: the line that one begins with, and indented ones."""
    found: set[int] = set()
    for kind, _, _, begin, end in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if kind == "equal" or begin == end:
            continue
        first, last = max(0, begin - ENTRY_LINES_MAX), min(len(new), end + ENTRY_LINES_MAX)
        while begin > first and _goes_on(new[begin]) and new[begin - 1].strip():
            begin -= 1
        while end < last and _goes_on(new[end]):
            end += 1
        found |= set(range(begin, end))
    return found


def _goes_on(line: str) -> bool:
    """Whether a line belongs to the one before it: it is indented, and begins no entry of its own."""
    return line[:1].isspace() and line.strip()[:1] not in ("", "-", "*", "+")


def _stat(name: str, before: Mapping[str, bytes], least: Mapping[str, bytes]) -> str:
    old, new = before.get(name), least.get(name)
    if new is None:
        return "deleted"
    if old is None:
        source = origin(new, before)
        if source is None:
            return "new"
        return f"new, and most of it stands in `{source}` now" if source in least else f"`{source}` by another name"
    was, now = text_of(old).splitlines(), text_of(new).splitlines()
    steps = difflib.SequenceMatcher(None, was, now, autojunk=False).get_opcodes()
    added = sum(step[4] - step[3] for step in steps if step[0] != "equal")
    removed = sum(step[2] - step[1] for step in steps if step[0] != "equal")
    return f"+{added} -{removed} lines"
