"""A report on paper: what cannot be unfolded there takes no room."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from onbox.evidence.folder import TrialFolder
from onbox.report import html
from tests.judging import judge
from tests.recorded import unpack

PAGES_MAX = 5


@pytest.mark.browser
def test_a_trial_of_two_models_prints_on_five_pages(tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium is not None
    folder = TrialFolder.open(unpack("embedded", tmp_path))
    page, paper = tmp_path / "report.html", tmp_path / "report.pdf"
    page.write_text(html.render(folder, judge(folder)), "utf-8")
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={tmp_path / 'p'}"]
    argv = [chromium, *flags, f"--print-to-pdf={paper}", page.as_uri()]
    subprocess.run(argv, capture_output=True, timeout=240, check=True)
    pages = len(re.findall(rb"/Type\s*/Page[^s]", paper.read_bytes()))
    assert 1 < pages <= PAGES_MAX
