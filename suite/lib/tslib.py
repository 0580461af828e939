"""What the gates of TypeScript tasks share: a file is compared, token by token, with what it should have become.

Standard library only, Python 3.10 or newer; neither node nor a compiler is needed. It serves tasks whose end is known
to the token, such as renames and moved imports: a file with the tokens of a known-good one does what that one does.

Layout, comments, quotes, semicolons, trailing commas, the order of imports and of the names in one, and the extension
of an imported module make no difference. Regular expressions between slashes are not read: no task here has any.
"""

import posixpath
import re

from gatelib import APP, ORIGINAL, TESTS, Fail, files, read

EXPECTED = TESTS / "expected"
"""The files that are to change, as they should become."""

SKIP = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
STRING = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"", re.DOTALL)
WORD = re.compile(r"[A-Za-z_$#][\w$]*|\d[\w.]*")
SIGN = re.compile(r"=>|\.\.\.|\?\?=|\?\?|\?\.|&&|\|\||[=!]==?|[<>+\-*/%&|^]=|\+\+|--|[^\w\s]")
BRACKETS = {")": "(", "]": "[", "}": "{"}


def tokens(text, name):
    """The tokens of a TypeScript text, in the form in which they are compared; FAIL_SYNTAX."""
    return _imports_first(_plain(list(_scan(text, name)), name))


def words(text, name):
    """The identifiers of a text, each as often as it stands there; FAIL_SYNTAX."""
    return [token for token in tokens(text, name) if re.match(r"[A-Za-z_$]", token)]


def _scan(text, name, at=0, end=None):
    end = len(text) if end is None else end
    while at < end:
        if match := SKIP.match(text, at, end):
            at = match.end()
        elif text.startswith("/*", at):
            raise Fail("FAIL_SYNTAX", f"{name}: a comment without end")
        elif match := STRING.match(text, at, end):
            inner = re.sub(r"\\(['\"])", r"\1", match[0][1:-1])
            yield '"' + inner
            at = match.end()
        elif text[at] == "`":
            at = yield from _template(text, name, at + 1, end)
        elif text[at] in "'\"":
            raise Fail("FAIL_SYNTAX", f"{name}: a text without end")
        else:
            match = WORD.match(text, at, end) or SIGN.match(text, at, end)
            yield match[0]
            at = match.end()


def _template(text, name, at, end):
    """A template literal: its texts, and the tokens of what is put into them."""
    start = at
    while at < end and text[at] != "`":
        if text[at] == "\\":
            at += 2
        elif text.startswith("${", at):
            yield "`" + text[start:at]
            depth, inner = 1, at + 2
            at = inner
            while at < end and depth:
                depth += {"{": 1, "}": -1}.get(text[at], 0)
                at += 1
            yield "${"
            yield from _scan(text, name, inner, at - 1)
            yield "$}"
            start = at
        else:
            at += 1
    if at >= end:
        raise Fail("FAIL_SYNTAX", f"{name}: a template without end")
    yield "`" + text[start:at]
    return at + 1


def _plain(found, name):
    """Without semicolons, but for those of a loop's head, and without trailing commas; brackets must fit."""
    kept, open_ = [], []
    for position, token in enumerate(found):
        following = found[position + 1] if position + 1 < len(found) else ""
        if token in BRACKETS.values():
            open_.append(token)
        elif token in BRACKETS:
            if not open_ or open_.pop() != BRACKETS[token]:
                raise Fail("FAIL_SYNTAX", f"{name}: brackets do not fit")
        if (token == ";" and "(" not in open_) or (token == "," and following in BRACKETS):
            continue
        kept.append(token)
    if open_:
        raise Fail("FAIL_SYNTAX", f"{name}: a bracket without end")
    return kept


def _imports_first(found):
    """The imports and re-exports of modules, sorted, before all else."""
    imports, rest, at = [], [], 0
    while at < len(found):
        end = _end_of_import(found, at)
        if end:
            imports.append(_one_import(found[at:end]))
            at = end
        else:
            rest.append(found[at])
            at += 1
    return [token for line in sorted(imports) for token in line] + rest


def _end_of_import(found, at):
    """Behind an `import ... from "..."` or `export ... from "..."` that begins here; 0 where none does."""
    if found[at] not in ("import", "export") or found[at + 1 : at + 2] == ["("]:
        return 0
    for end in range(at + 1, min(at + 200, len(found))):
        if found[end].startswith('"'):
            return end + 1 if found[end - 1] in ("from", "import") else 0
        if not re.fullmatch(r"[\w$]+|[{},*]", found[end]):
            return 0
    return 0


def _one_import(line):
    module = re.sub(r"\.(ts|js|mjs)$", "", line[-1][1:])
    if module.startswith("."):
        module = posixpath.normpath(module)
    if "{" in line:
        first, last = line.index("{"), line.index("}")
        names = sorted(" ".join(line[first + 1 : last]).split(" , "))
        line = [*line[: first + 1], *" , ".join(names).split(), *line[last:]]
    return [*line[:-1], '"' + module]


# ---------------------------------------------------------------- judging


def same_as_expected(old="", new="", may_go=()):
    """Every file in tests/expected has become what it should, and no new file has the old name.

    Args:
        old: the name that was to go.
        new: the name that was to take its place.
        may_go: files that were to be deleted.

    FAIL_FILE_MISSING, FAIL_SYNTAX, FAIL_NOT_DONE, FAIL_OLD_NAME_LEFT, FAIL_NAMESAKE_CLOBBERED, FAIL_OLD_FILE_LEFT,
    FRAME_CODE_CHANGED.
    """
    changed = []
    for name in files(EXPECTED):
        got, want = tokens(read(name), name), tokens((EXPECTED / name).read_text("utf-8"), name)
        if got == want:
            continue
        if (ORIGINAL / name).is_file() and got == tokens((ORIGINAL / name).read_text("utf-8"), name):
            raise Fail("FAIL_NOT_DONE", name)
        if old and got.count(old) > want.count(old):
            raise Fail("FAIL_OLD_NAME_LEFT", name)
        if new and got.count(new) > want.count(new):
            raise Fail("FAIL_NAMESAKE_CLOBBERED", name)
        changed.append(name)
    for name in may_go:
        if (APP / name).exists():
            raise Fail("FAIL_OLD_FILE_LEFT", name)
    for name in files(APP):
        is_new = name.endswith((".ts", ".tsx")) and not (ORIGINAL / name).exists() and not (EXPECTED / name).exists()
        if is_new and old and old in words(read(name), name):
            raise Fail("FAIL_OLD_NAME_LEFT", name)
    if changed:
        raise Fail("FRAME_CODE_CHANGED", f"{changed[0]}: more than was asked for changed")
