"""A report that another onbox wrote beside the one that is rendered today: other bytes, and yet the same numbers.

Line by line: where both have a line in the same words below the same heading, its numbers must be the same. What the
other one words in another way cannot be held against anything, and is counted.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from typing import NamedTuple

from onbox.judge.results import Verdict
from onbox.report.reproduce import SEAL_WORDS
from onbox.schema.checks import Status

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_MARKUP = re.compile(r"[\\*_`#|\s]+")
_TAG = re.compile(r"<[^>]*>")
_LEFT_OUT = "left out"
"""Where a text was cut, and another make may cut it elsewhere."""
SHOWN_CHARACTERS = 100


@dataclass(frozen=True)
class ReportComparison:
    """A report of another make beside today's.

    Args:
        wrong: (line, the same line today) wherever the numbers of a line are others.
        alike: lines with numbers that are as today.
        otherwise: lines with numbers that today's report does not have in these words.
    """

    wrong: tuple[tuple[str, str], ...]
    alike: int
    otherwise: tuple[str, ...]


def compare(report: str, rendered_now: str) -> ReportComparison:
    """Hold the numbers of a report of another make against those that the evidence gives.

    Args:
        report: as it is written, in HTML or Markdown.
        rendered_now: the same, from the evidence.
    """
    today: dict[str, list[_Line]] = defaultdict(list)
    for line in _lines(rendered_now):
        today[line.words].append(line)
    headings = {line.heading for lines in today.values() for line in lines}
    wrong, alike, otherwise = [], 0, []
    for line in _lines(report):
        # A heading that was edited is a line of its own, and its numbers are no fault of the lines below it.
        known = [other for other in today[line.words] if line.heading in (other.heading, *{line.heading} - headings)]
        if not known:
            otherwise.append(_short(line.text))
        elif any(_same(line.numbers, other.numbers) for other in known):
            alike += 1
        else:
            wrong.append((_short(line.text), _short(known[0].text)))
    return ReportComparison(tuple(wrong), alike, tuple(otherwise))


def unsaid(report: str, rendered_now: str, verdict: Verdict) -> str:
    """What of a verdict a report of another make does not say, as a problem; empty where it says all that today's does.

    Held are its heading, its sentence, each reason and each step towards a surer answer, and the name of each check
    that did not pass: all of them stand in the verdict in words, and no make changes these.
    """
    there, now = _bare(report), _bare(rendered_now)
    headings = [_HEADING.search(each) for each in (report, rendered_now)]
    first, second = (_bare(found[1] or found[2])[:HEADING_CHARACTERS] if found else "" for found in headings)
    sentence = _bare(verdict.headline.partition(": ")[2])
    if first != second or (sentence in now and sentence not in there):
        return "does not say the verdict that the evidence gives"
    speeds = [check for each in verdict.contenders if each.speed for check in each.speed.checks]
    doubts = [check.id for check in (*verdict.checks, *speeds) if check.status in (Status.FAIL, Status.WARN)]
    for text in (*verdict.reasons, *verdict.would_settle, *doubts):
        if _bare(text) in now and _bare(text) not in there:
            return f"leaves out “{_short(text)}”"
    return ""


_HEADING = re.compile(r"<h1>(.*?)</h1>|^#+ (.*?)$", re.DOTALL | re.MULTILINE)
HEADING_CHARACTERS = 30
"""That are compared: a long one may be cut in another place."""


def _bare(text: str) -> str:
    """A text without markup, in any of the forms that reports have."""
    return _MARKUP.sub("", _TAG.sub("", unescape(text)))


class _Line(NamedTuple):
    """A line of a report that has a number."""

    text: str
    words: str
    """Of its heading and of itself, each number as one sign."""
    heading: str
    numbers: tuple[str, ...]
    """Of itself."""


def _lines(report: str) -> Iterator[_Line]:
    found = list(_of_page(report) if report.lstrip().startswith("<") else _of_markdown(report))
    cut = {n for n, (_, text) in enumerate(found) if _LEFT_OUT in text}
    for n, (heading, text) in enumerate(found):
        if {n - 1, n, n + 1} & cut or SEAL_WORDS in text or not _NUMBER.search(text):
            continue
        words = _NUMBER.sub("0", f"{heading} {text}")
        yield _Line(text, _MARKUP.sub("", words), _MARKUP.sub("", heading), tuple(_NUMBER.findall(text)))


def _of_markdown(report: str) -> Iterator[tuple[str, str]]:
    """(heading, line)"""
    heading = ""
    for line in unescape(report).splitlines():
        if line.startswith("#"):
            heading = line
        if line.strip():
            yield heading, line


def _of_page(report: str) -> Iterator[tuple[str, str]]:
    parser = _Page()
    parser.feed(report)
    parser.close()
    yield from parser.found


_HEADINGS = ("h1", "h2", "h3", "h4")
_BLOCKS = frozenset({*_HEADINGS, "p", "li", "tr", "div", "section", "summary", "details", "pre", "ul", "ol", "table",
                     "title", "header", "main", "dl", "thead", "tbody"})  # fmt: skip
"""What begins and ends a line; the cells of a row and a name with its value stay together."""


class _Page(HTMLParser):
    """Collects (heading, line) of a page, what its pictures say included."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._heading, self._open, self._silent = "", "", False
        self._parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self._end_line()
        if tag in _HEADINGS:
            self._open = tag
        self._silent = self._silent or tag == "style"
        if tag in ("td", "th", "dd"):
            self._parts.append(" | ")
        if label := dict(attrs).get("aria-label"):
            self.found.append((self._heading, label))

    def handle_endtag(self, tag: str) -> None:
        if tag == self._open:
            self._heading, self._open = "".join(self._parts), ""
        if tag in _BLOCKS:
            self._end_line()
        self._silent = self._silent and tag != "style"

    def handle_data(self, data: str) -> None:
        for n, line in enumerate(() if self._silent else data.split("\n")):
            if n and self.lasttag == "pre":
                self._end_line()
            self._parts.append(line)

    def _end_line(self) -> None:
        text = "".join(self._parts).strip(" |\n\t")
        if text:
            self.found.append((self._heading, text))
        self._parts = []

    def close(self) -> None:
        """Read what is left."""
        super().close()
        self._end_line()


def _same(some: Sequence[str], others: Sequence[str]) -> bool:
    """Whether numbers are equal, each to the digits that both show, two at least."""
    return len(some) == len(others) and all(map(_equal, some, others))


def _equal(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        first, second = (float(each.replace(",", "")) for each in (one, other))
    except ValueError:  # of a version: two points
        return False
    digits = sorted((len(each.partition(".")[2]), value) for each, value in ((one, first), (other, second)))
    (coarse, shown), (fine, _) = digits
    unit = 10.0**-coarse
    return first == second or (coarse < fine and abs(first - second) <= 0.5001 * unit and abs(shown) >= 10 * unit)


def _short(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
