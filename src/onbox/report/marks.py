"""Markdown that holds text of others: escaped where it stands in a line, fenced where it has lines of its own."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape as html_escape
from typing import Any

from onbox.report import formatting
from onbox.report.text import TruncatedText, one_line, visible


def plain(text: str) -> str:
    """`text` on one line with nothing left that Markdown or HTML would act on."""
    escaped = re.sub(r"([\\`*_\[\]|~!$@#])", r"\\\1", one_line(text))
    escaped = escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = re.sub(r":(?=//)|(?<=www)\.", lambda found: "\\" + found[0], escaped, flags=re.IGNORECASE)
    return re.sub(r"^(\s*)([-+=]|\d+(?=[.)](?:\s|$)))", _first_sign, escaped)


def code(text: str) -> str:
    """`text` as a code span; one that would break a table cell is escaped instead."""
    shown = one_line(text)
    if "|" in shown or not shown.strip():
        return plain(shown)
    fence = "`" * (_longest_run(shown) + 1)
    return f"{fence} {shown} {fence}" if shown.startswith("`") or shown.endswith("`") else f"{fence}{shown}{fence}"


def fenced(text: str) -> str:
    """`text` as a code block whose fence is longer than any run of backticks inside."""
    shown = visible(text)
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}text\n{shown}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _first_sign(found: re.Match[str]) -> str:
    # at the start of a line these would open a list, a heading or a rule
    sign = found[2]
    return f"{found[1]}{sign}\\" if sign.isdigit() else f"{found[1]}\\{sign}"


def quoted(text: TruncatedText, file: str) -> str:
    """`text` fenced, with a note where its middle was left out."""
    if not text.omitted:
        return fenced(text.head)
    note = f"[{formatting.count(text.omitted, 'character')} left out here; {formatting.WHOLE_IS_IN} {one_line(file)}]"
    return fenced(f"{text.head}\n\n{note}\n\n{text.tail}")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A table; `right` names the columns that are aligned to the right."""
    rule = ["---:" if index in right else "---" for index in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def bullets(items: Iterable[str]) -> str:
    """A list with one line an item."""
    return "\n".join(f"- {item}" for item in items)


def folded(summary: str, blocks: Iterable[str]) -> str:
    """Blocks behind a line that opens them."""
    body = "\n\n".join(blocks)
    return f"<details><summary>{html_escape(one_line(summary))}</summary>\n\n{body}\n\n</details>"


def facts(mapping: Mapping[str, Any], skip: Sequence[str] = ()) -> str:
    """A table of keys and values; a mapping inside is laid flat."""
    rows = []
    for key, value in mapping.items():
        if key in skip:
            continue
        if isinstance(value, Mapping):
            for inner, item in value.items():
                name = f"{formatting.label(str(key))} {formatting.label(str(inner))}"
                rows.append((plain(name), plain(formatting.fact(str(inner), item))))
        else:
            rows.append((plain(formatting.label(str(key))), plain(formatting.fact(str(key), value))))
    return table(("fact", "value"), rows)
