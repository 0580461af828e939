"""A report of another make: its numbers are held line by line, and what it words in its own way is counted."""

import pytest

from onbox.report.other_version import ReportComparison, compare

PAGE = """<html><head><title>Keep, 2026</title><style>p { margin: 1px }</style></head><body>
<h1>Keep</h1>
<section><h2>qwen 0.5b <span>runs now</span></h2><dl>
<div><dt>pass rate</dt><dd class="big"><a href="#t">33 %</a></dd><dd>4 of 12, 10 to 65 %</dd></div></dl></section>
<section><h2>qwen 1.5b <span>runs now</span></h2><dl>
<div><dt>pass rate</dt><dd class="big"><a href="#t">75 %</a></dd><dd>9 of 12, 43 to 95 %</dd></div></dl></section>
<svg width="10"><title>p</title></svg><svg aria-label="75 %, at most 95"></svg>
<table><tr><td>rename</td><td>24.7 tok/s</td><td>0.04</td></tr></table>
<pre>3 passed
1 failed</pre></body></html>"""


def wrong(changed: str, report: str = PAGE) -> list[str]:
    return [there for there, _ in compare(changed, report).wrong]


def test_the_same_is_the_same() -> None:
    found = compare(PAGE, PAGE)
    assert (found.wrong, found.otherwise) == ((), ())
    assert found.alike == 9


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("4 of 12", "9 of 12", "pass rate | 33 % | 9 of 12, 10 to 65 %"),
        ('aria-label="75 %', 'aria-label="85 %', "85 %, at most 95"),
        ("24.7 tok/s", "42.7 tok/s", "rename | 42.7 tok/s | 0.04"),
        ("0.04", "0", "rename | 24.7 tok/s | 0"),
        ("1 failed", "0 failed", "0 failed"),
    ],
)
def test_a_number_that_was_edited_is_named(old: str, new: str, line: str) -> None:
    assert wrong(PAGE.replace(old, new)) == [line]


def test_numbers_that_change_their_places_are_named() -> None:
    """Both are numbers of the page, and each belongs below its own heading."""
    first, second = "33 %</a></dd><dd>4 of 12, 10 to 65 %", "75 %</a></dd><dd>9 of 12, 43 to 95 %"
    swapped = PAGE.replace(first, "@").replace(second, first).replace("@", second)
    assert len(wrong(swapped)) == 2


def test_a_heading_that_was_edited_is_named_once() -> None:
    assert wrong(PAGE.replace("qwen 0.5b", "qwen 7b")) == ["qwen 7b runs now"]


def test_what_is_worded_in_another_way_is_counted_and_no_fault() -> None:
    found = compare(PAGE.replace("<dt>pass rate</dt>", "<dt>passed</dt>"), PAGE)
    assert found == ReportComparison(
        (), 7, ("passed | 33 % | 4 of 12, 10 to 65 %", "passed | 75 % | 9 of 12, 43 to 95 %")
    )


def test_markup_and_digits_may_differ() -> None:
    other = PAGE.replace("<td>rename</td>", '<td class="n"><b>rename</b></td>').replace("24.7 tok/s", "24.70 tok/s")
    assert compare(other, PAGE).wrong == ()
    assert wrong(PAGE.replace("24.7 tok/s", "24.65 tok/s")) == []
    assert wrong(PAGE.replace("24.7 tok/s", "24.6 tok/s")) == ["rename | 24.6 tok/s | 0.04"]


def test_a_text_may_be_cut_in_another_place() -> None:
    report = "# Keep\n\nrun 1 of 2\n\n```text\nstep 12\n\n[40 characters left out here; whole in x]\n\nstep 99\n```\n"
    other = report.replace("step 12", "step 1").replace("[40", "[41").replace("step 99", "step 9")
    assert compare(other, report).wrong == ()
    assert wrong(report.replace("1 of 2", "2 of 2"), report) == ["run 2 of 2"]
