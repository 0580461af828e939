"""Every number of the report comes from the verdict, and stands where the reader looks for it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from onbox.evidence.folder import TrialFolder
from onbox.report import html
from tests.unit.report.trials import HOSTILE, trajectory
from tests.verdicts import build_verdict


@pytest.mark.browser
def test_a_browser_shows_the_page(folder: TrialFolder, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        reason = "no chromium on this system: apt install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    trajectory(folder, " ".join(HOSTILE) + "<script>document.title='taken'</script>")
    verdict = build_verdict()
    page = folder.path / "report.html"
    page.write_text(html.render(folder, verdict), "utf-8")
    picture = tmp_path / "page.png"
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--hide-scrollbars"]  # fmt: skip
    for profile, what in (("a", [f"--screenshot={picture}"]), ("b", ["--dump-dom"])):
        argv = [chromium, *flags, f"--user-data-dir={tmp_path / profile}", *what, page.as_uri()]
        shown = subprocess.run(argv, capture_output=True, timeout=240, check=True).stdout.decode()
    assert "<title>Switch · small-against-large · onbox</title>" in shown
    assert verdict.headline in shown
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 20_000
