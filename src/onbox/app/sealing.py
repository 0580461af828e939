"""What follows the last measurement: the verdict, the reports, and the manifest that seals them."""

from pathlib import Path

from onbox.atomic_files import write_atomic, write_json
from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import load_trial
from onbox.evidence.manifest import write_manifest
from onbox.judge.results import Verdict
from onbox.judge.verdict.trial import judge


def seal(folder: TrialFolder) -> Verdict:
    """Judge, write `verdict.json`, `report.html` and `report.md`, and seal the folder."""
    verdict = judge(load_trial(folder))
    write_json(folder.path / "verdict.json", verdict)
    write_reports(folder, verdict)
    write_manifest(folder.path)
    return verdict


def write_reports(folder: TrialFolder, verdict: Verdict) -> None:
    """Write both reports, from evidence and verdict alone."""
    from onbox.report import html, markdown

    write_atomic(folder.path / "report.html", html.render(folder, verdict).encode())
    write_atomic(folder.path / "report.md", markdown.render(folder, verdict).encode())


def report_path(folder: Path) -> Path:
    """Where the report for people lies."""
    return folder / "report.html"


def rewrite_reports(folder: Path | str) -> Path:
    """Judge the trial in a folder again, write its reports and seal it; returns the page.

    Raises:
        UsageError: it is no trial, or another onbox works on it.
    """
    from onbox.evidence.lock import locked

    trial = TrialFolder.open(Path(folder))
    with locked(trial.path):
        seal(trial)
    return report_path(trial.path)
