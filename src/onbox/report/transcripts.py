"""The transcripts of a long trial, in pages of their own beside the report: offline and without scripts like it."""

from functools import cache
from importlib.resources import files
from pathlib import Path

from markupsafe import escape

from onbox.report.extent import TranscriptFile
from onbox.report.run_html import run_item
from onbox.report.text import one_line

TEXT_CHARACTERS_MAX = 2000
"""Of one message, tool call, gate output or patch; the file in the trial folder has the whole."""
_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<main>
<section>
<h2>{title}</h2>
<div>
<p><a href="../report.html">The report</a></p>
<ul class="runs">
"""
_FOOT = "</ul>\n</div>\n</section>\n</main>\n</body>\n</html>\n"


def render_file(folder: Path, part: TranscriptFile, *, arms: bool) -> str:
    """One page of transcripts.

    Args:
        folder: of the trial.
        part: which runs.
        arms: whether the trial has more arms than one.
    """
    head = _HEAD.format(title=escape(one_line(part.title)), style=_style())
    items = [
        run_item(folder, run, f"run-{run.n}", limit=TEXT_CHARACTERS_MAX, arms=arms, base="..") for run in part.runs
    ]
    return "".join((head, *items, _FOOT))


@cache
def _style() -> str:
    return (files("onbox.report") / "templates/report.css").read_text("utf-8")
