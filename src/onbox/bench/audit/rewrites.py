"""Other forms of a right answer that are equally right: a gate that judges what was meant takes them all."""

import ast
import json
import re
from collections.abc import Callable
from typing import Any

Rewrite = Callable[[str, str], str | None]
"""From a file's name and text to its other text; None where it has no such form."""


def _python_unparsed(name: str, text: str) -> str | None:
    """Python without its comments and with other quotes, brackets and line breaks."""
    tree = _python(name, text)
    return None if tree is None else ast.unparse(tree) + "\n"


def _imports_reversed(name: str, text: str) -> str | None:
    """Python with neighbouring imports, and the names in each, in reverse order."""
    tree = _python(name, text)
    if tree is None:
        return None
    lines = text.splitlines(keepends=True)
    for run in reversed(_runs_of_imports(tree)):
        for node in run:
            node.names.reverse()
        first, last = run[0].lineno - 1, run[-1].end_lineno
        lines[first:last] = [ast.unparse(node) + "\n" for node in reversed(run)]
    return "".join(lines)


def _runs_of_imports(tree: ast.Module) -> list[list[ast.Import | ast.ImportFrom]]:
    runs: list[list[ast.Import | ast.ImportFrom]] = [[]]
    for node in tree.body:
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if isinstance(node, ast.Import | ast.ImportFrom) and not future:
            runs[-1].append(node)
        else:
            runs.append([])
    return [run for run in runs if run]


def _json_reordered(name: str, text: str) -> str | None:
    """JSON with the keys of every object in reverse order and another indent."""
    if not name.endswith(".json"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return json.dumps(_reversed_keys(value), indent=3, ensure_ascii=True) + "\n"


def _reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reversed_keys(value[key]) for key in reversed(value)}
    return [_reversed_keys(item) for item in value] if isinstance(value, list) else value


def _tabs(name: str, text: str) -> str | None:
    """TypeScript and JavaScript indented with tabs; a template literal may not be indented anew."""
    if not name.endswith((".ts", ".js", ".mjs")) or "`" in text:
        return None
    return re.sub(r"^(?:  )+", lambda match: "\t" * (len(match[0]) // 2), text, flags=re.MULTILINE)


def _no_newline_at_the_end(name: str, text: str) -> str | None:
    return text.rstrip("\n") or None


def _unicode(name: str, text: str) -> str | None:
    """A reply as models write it: no ASCII hyphens, quotes and spaces."""
    return text.translate({ord("-"): "\u2011", ord("'"): "\u2019", ord('"'): "\u201d", ord(" "): "\u00a0"}) or None


def _bold(name: str, text: str) -> str | None:
    """A reply whose lines are set in bold, as a list."""
    return "\n".join(f"- **{line}**" if line.strip() else line for line in text.splitlines()) or None


def _python(name: str, text: str) -> ast.Module | None:
    if not name.endswith(".py"):
        return None
    try:
        return ast.parse(text)
    except SyntaxError:
        return None


REWRITES: dict[str, Rewrite] = {
    "Python laid out anew": _python_unparsed,
    "Python imports in another order": _imports_reversed,
    "JSON in another order and layout": _json_reordered,
    "tabs for spaces": _tabs,
    "no newline at the end": _no_newline_at_the_end,
}

REPLY_REWRITES: dict[str, Rewrite] = {
    "Unicode dashes, quotes and spaces": _unicode,
    "bold lines of a list": _bold,
}
