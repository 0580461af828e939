"""The report of a long trial stays small: its transcripts lie in pages beside it, and both follow from the evidence."""

import re
import shutil
from pathlib import Path

import pytest

from onbox.app.sealing import rewrite_reports
from onbox.app.verifying import verify_trial
from onbox.evidence.folder import TrialFolder
from onbox.report import extent
from onbox.report.extent import ends
from tests.judging import judge
from tests.sealed import made_anew, sealed_trial
from tests.unit.report.trials import HOSTILE, Elements, trajectory


@pytest.fixture
def long_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sealed trial that is held to be a long one."""
    monkeypatch.setattr(extent, "RUNS_MAX", 3)
    monkeypatch.setattr(extent, "RUNS_A_FILE", 2)
    return sealed_trial(tmp_path / "trial")


def pages_of(folder: Path) -> list[Path]:
    return sorted((folder / "transcripts").iterdir())


def test_transcripts_lie_beside_the_page_and_the_page_leads_to_each_run(long_trial: Path) -> None:
    page = (long_trial / "report.html").read_text("utf-8")
    runs = judge(TrialFolder.open(long_trial)).runs
    assert "I did rename, attempt 101." not in page
    links = set(re.findall(r'href="\./(transcripts/\d+\.html)#(run-\d+)"', page))
    assert len(links) == len(runs) == 24
    for name, anchor in links:
        assert f'id="{anchor}"' in (long_trial / name).read_text("utf-8")
    assert "I did rename, attempt 101." in "".join(each.read_text("utf-8") for each in pages_of(long_trial))


def test_the_pages_beside_run_nothing_load_nothing_and_lead_to_files_that_are_there(long_trial: Path) -> None:
    trajectory(TrialFolder.open(long_trial), " ".join(HOSTILE))
    rewrite_reports(long_trial, reseal=True)
    for page in pages_of(long_trial):
        found = Elements(page.read_text("utf-8"))
        assert not found.broken
        assert not found.open
        assert {tag for tag, _ in found.elements}.isdisjoint({"script", "img", "iframe", "object", "embed", "form"})
        targets = [attributes["href"] or "" for _, attributes in found.elements if "href" in attributes]
        assert targets
        assert all((page.parent / target).exists() for target in targets)


def test_a_trial_that_became_short_keeps_no_pages_of_before(long_trial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(pages_of(long_trial)) == 16
    monkeypatch.setattr(extent, "RUNS_MAX", 300)
    rewrite_reports(long_trial)
    assert pages_of(long_trial) == []
    assert verify_trial(long_trial).mismatches == ()


def test_an_edited_page_of_transcripts_is_found(long_trial: Path) -> None:
    assert verify_trial(long_trial).mismatches == ()
    first, second = pages_of(long_trial)[:2]
    first.write_text(first.read_text("utf-8").replace("</h2>", ", all good</h2>"), "utf-8")
    second.unlink()
    shutil.copy(first, first.with_name("9999.html"))
    made_anew(long_trial)
    assert verify_trial(long_trial).mismatches == (
        ("transcripts/0001.html", "does not follow from the evidence"),
        ("transcripts/0002.html", "missing"),
        ("transcripts/9999.html", "no page of this report"),
    )


def test_large_transcripts_go_beside_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extent, "TRANSCRIPTS_CHARACTERS_MAX", 1000)
    folder = sealed_trial(tmp_path / "trial")
    assert pages_of(folder)
    assert "transcripts/" in (folder / "report.md").read_text("utf-8")


def test_of_a_long_table_the_ends_are_shown() -> None:
    assert list(ends(range(10), 4)) == [0, 1, 8, 9]
    assert list(ends(range(4), 4)) == [0, 1, 2, 3]
