"""What follows the last measurement: verdict, reports, and the manifest that seals them."""

from pathlib import Path
from typing import Any

from onbox.evidence.folder import TrialFolder, write_atomic, write_json
from onbox.evidence.manifest import write_manifest
from onbox.judge.results import Verdict
from onbox.judge.verdict import judge


def finish(folder: TrialFolder) -> Verdict:
    """Judge, write `verdict.json`, `report.html` and `report.md`, and seal the folder."""
    verdict = judge(folder)
    write_json(folder.path / "verdict.json", verdict)
    write_reports(folder, verdict)
    write_manifest(folder.path)
    return verdict


def write_reports(folder: TrialFolder, verdict: Verdict) -> None:
    """Write both reports, from evidence and verdict alone."""
    from onbox.report import html, markdown

    write_atomic(folder.path / "report.html", html.render(folder, verdict).encode())
    write_atomic(folder.path / "report.md", markdown.render(folder, verdict).encode())


def contract(verdict: Verdict) -> dict[str, Any]:
    """The keys of the verdict that callers of `--json` rely on, and all the others."""
    return verdict.model_dump(mode="json")


def report_path(folder: TrialFolder) -> Path:
    """Where the report for people lies."""
    return folder.path / "report.html"
