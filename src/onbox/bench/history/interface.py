"""What a change says of itself in its code: names and signatures that are new, and what documentation it adds.

A docstring says what something does for who calls it; that is part of what is wanted, and not how it is done.
"""

import ast
import difflib
import re
import textwrap
import warnings
from collections.abc import Iterator, Mapping

NAMES_MAX = 20
WORDS_MAX = 2500
_DOCUMENTED_MAX = 8
_EACH_MAX = 700
_DEFINES = re.compile(
    r"^\s*(?:export\s+(?:default\s+)?)?(?:pub(?:\([a-z]+\))?\s+)?(?:async\s+)?"
    r"(?:def|class|func(?:\s*\([^)]*\))?|function\*?|fn|const|let|var|type|interface|struct|enum|trait)\s+([A-Za-z_]\w*)",
)
_ASSIGNS = re.compile(r"^([A-Za-z_]\w*)\s*(?::[^=]+)?=[^=]")

_Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def new_names(before: Mapping[str, bytes], after: Mapping[str, bytes], hidden: Mapping[str, bytes]) -> list[str]:
    """What the commit defines anew and its tests use: the interface, which nobody could guess."""
    defined: set[str] = set()
    known = set(re.findall(r"\w+", "\n".join(text_of(content) for content in before.values())))
    for name, content in after.items():
        old = set(text_of(before.get(name)).splitlines())
        for line in text_of(content).splitlines():
            if line not in old and (match := _DEFINES.match(line) or _ASSIGNS.match(line)):
                defined.add(match[1])
    used = set(re.findall(r"\w+", "\n".join(text_of(content) for content in hidden.values())))
    # A method that Python calls by itself is how, and its test does not call it by name.
    return sorted(name for name in defined & used - known if len(name) > 1 and name[:2] != "__")[:NAMES_MAX]


def signatures(names: list[str], after: Mapping[str, bytes]) -> dict[str, str]:
    """How each of the names that is a function or class of Python is called: `name(arguments)`."""
    found: dict[str, str] = {}
    for node in (node for content in after.values() for _, node in _defined(content)):
        if node.name in names and node.name not in found:
            call = next((item for item in node.body if getattr(item, "name", "") == "__init__"), node)
            if isinstance(call, ast.FunctionDef | ast.AsyncFunctionDef):
                arguments = re.sub(r"^self(?:, )?", "", ast.unparse(call.args))
                found[node.name] = f"{node.name}({arguments})"
    return found


def documented(before: Mapping[str, bytes], least: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[str]:
    """What the documentation of each function or class that the solution touches says anew, as items of a list."""
    found: list[str] = []
    for file, content in after.items():
        if before.get(file) == least.get(file):
            continue
        was = {name: ast.get_docstring(node) or "" for name, node in _defined(before.get(file, b""))}
        bodies = {name: ast.dump(node) for name, node in _defined(before.get(file, b""))}
        touched = {name for name, node in _defined(least.get(file, b"")) if bodies.get(name) != ast.dump(node)}
        for name, node in _defined(content):
            old, new = was.get(name, ""), ast.get_docstring(node) or ""
            if name not in touched or name.rpartition(".")[2].startswith("_") or old == new:
                continue
            added = [line[2:] for line in difflib.ndiff(old.splitlines(), new.splitlines()) if line.startswith("+ ")]
            text = textwrap.dedent("\n".join(added if old else new.splitlines())).strip()
            if re.search(r"[A-Za-z]{3}", text) and len(found) < _DOCUMENTED_MAX:
                found.append(f"- `{name}`: {_shortened(text)}")
    return found


def touched_names(before: Mapping[str, bytes], least: Mapping[str, bytes]) -> set[str]:
    """The functions and classes that the solution changes, by their last name."""
    found: set[str] = set()
    for file, content in least.items():
        if before.get(file) != content:
            old = {name: ast.dump(node) for name, node in _defined(before.get(file, b""))}
            found |= {name.rpartition(".")[2] for name, node in _defined(content) if old.get(name) != ast.dump(node)}
    return found


def text_of(content: bytes | None) -> str:
    """As text; what is no UTF-8 is replaced."""
    return "" if content is None else content.decode("utf-8", "replace")


def _defined(content: bytes | None) -> Iterator[tuple[str, _Defined]]:
    """The functions and classes of a Python file, those in classes too, by their dotted names."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(content or b"")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in tree.body:
        if isinstance(node, _Defined):
            yield node.name, node
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, _Defined):
                    yield f"{node.name}.{inner.name}", inner


def _shortened(text: str) -> str:
    """Within its item of a list; cut at the end of a line."""
    if len(text) > _EACH_MAX:
        text = text[:_EACH_MAX].rpartition("\n")[0] + "\n..."
    return textwrap.indent(text, "  ").strip()
