"""Recordings of known truth through the classifier, and the page that shows the outcome."""

import pytest
from tools.truth_table import PAGE, Row, page, rows

from onbox.watch.recording_library import names

ROWS = rows()


def test_enough_situations_come_along() -> None:
    assert len(names()) == len(ROWS) >= 14
    assert {row.truth for row in ROWS} == {"healthy", "hung", "starved", "dead"}


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_a_recording_is_called_what_it_is(row: Row) -> None:
    assert row.right, row


def test_the_page_shows_what_the_code_says() -> None:
    assert page(PAGE.read_text("utf-8")) == PAGE.read_text("utf-8"), "run tools/truth_table.py"
