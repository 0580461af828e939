"""What each page shows, gathered and rendered."""

import threading
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from onbox.errors import UsageError
from onbox.judge.results import Outcome
from onbox.report import charts
from onbox.report.html import environment
from onbox.report.text import TEXT_CHARACTERS_MAX
from onbox.view.addresses import file_link, link
from onbox.view.comparison import ComparedContender, compare
from onbox.view.library import Library
from onbox.view.paging import paged
from onbox.view.query import Query
from onbox.view.runs import key_of
from onbox.view.summary import PageSummary, State
from onbox.view.trial import Trials

SHAPES = {outcome: charts.square(outcome, outcome.value) for outcome in Outcome}
"""Of each outcome, for legends."""
SHAPE_OF = {outcome.value: shape for outcome, shape in SHAPES.items()}
TRIALS_A_PAGE = 50
WORD_MAX = 200
"""Characters of a search."""


class Pages:
    """All pages over one library."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.read = Trials(library)
        self._templates = environment("onbox.view", TEXT_CHARACTERS_MAX)
        self._templates.globals.update(
            link=link,
            file_link=file_link,
            charts=charts,
            when=when,
            State=State,
            shapes=SHAPES,
            shape_of=SHAPE_OF,
            open_square=open_square,
            key_of=key_of,
        )
        for name in ("base", "parts", "trials"):
            self._templates.get_template(f"{name}.html.j2")  # made before anybody waits for the first page
        self._reading: threading.Thread | None = None

    def render(self, template: str, **values: Any) -> Response:
        """A page."""
        return HTMLResponse(self.text(template, **values))

    def text(self, template: str, **values: Any) -> str:
        """A page or a part of one, as HTML."""
        return self._templates.get_template(template).render(**values)

    def problem(self, message: str) -> str:
        """A page that says what went wrong."""
        return self.text("problem.html.j2", message=message.replace(f"{self.library.top}/", ""))

    def trials(self, query: Query) -> Response:
        """All trials, searched."""
        found = self.library.trials()
        if len(found) == 1 and found[0].at == "." and not query.text("q"):
            return RedirectResponse(link("/trial", at="."), 303)
        wanted, kind = query.text("q")[:WORD_MAX], query.text("kind")
        if wanted or kind:
            found = [each for each in found if _fits(self.library.summary(each), wanted, kind)]
        page = paged(found, query.number("page", 1), TRIALS_A_PAGE)
        rows = [(self.library.summary(each), each.stamp.changed_ns) for each in page.items]
        self._read_ahead()
        return self.render(
            "trials.html.j2",
            page=page,
            rows=rows,
            wanted=wanted,
            kind=kind,
            cut=self.library.cut_off,
            folder=self.library.name,
        )

    def _read_ahead(self) -> None:
        """Sum up the rest of the list, so that a search need not."""
        if self._reading is None:
            self._reading = threading.Thread(target=self._read_all, daemon=True)
            self._reading.start()

    def _read_all(self) -> None:
        for each in self.library.trials():
            self.library.summary(each)

    def compare(self, query: Query) -> Response:
        """Two contenders beside each other.

        Raises:
            UsageError: not two are named, or one of them is not there.
        """
        named = query.texts("c")
        if len(named) != 2:
            raise UsageError(f"{len(named)} contenders are selected; select exactly two", "select two in the list")
        left, right = (self._chosen(each, place) for place, each in enumerate(named))
        return self.render("compare.html.j2", c=compare(left, right), named=named)

    def _chosen(self, named: str, place: int) -> ComparedContender:
        at, found, name = named.rpartition("//")
        if not found:
            raise UsageError("a contender is named as TRIAL//CONTENDER", "select two in the list")
        trial = self.read.needed(at)
        return ComparedContender(trial, trial.contender(name), ("c0", "c1")[place])


def _fits(summary: PageSummary, wanted: str, kind: str) -> bool:
    return summary.holds(wanted) and kind in ("", summary.verdict, summary.state.value)


def open_square(word: str, n: int) -> Markup:
    """A run that has no outcome yet."""
    shape = charts.square(None, f"run {n}: {word or 'to come'}")
    return Markup('<span class="open-{}">{}</span>').format(word.replace(" ", "-") or "later", shape)


def when(changed_ns: int) -> str:
    """A file's time, to the minute, in UTC."""
    return f"{datetime.fromtimestamp(changed_ns / 1e9, UTC):%Y-%m-%d %H:%M}" if changed_ns else ""
