"""`onbox report`: both reports again, from evidence alone."""

from pathlib import Path

import click

from onbox.cli.manual import Manual
from onbox.cli.options import json_option
from onbox.cli.ui.console import err, out, print_json


@click.command(
    "report",
    cls=Manual,
    examples=(
        ("onbox report trials/mine", "writes the page, its Markdown and the post again"),
        ("onbox report trials/mine --svg verdict.svg", "one picture for a README or a forum"),
    ),
    ends={1: "the evidence has changed since it was sealed; nothing is written without --reseal"},
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--reseal", is_flag=True, help="Seal evidence that has changed; the ledger records what changed.")
@click.option(
    "--svg",
    is_flag=False,
    flag_value="",
    default=None,
    metavar="[FILE]",
    help="Also draw the verdict as one picture; without FILE, next to the trial's folder.",
)
@json_option
def command(folder: Path, reseal: bool, svg: str | None, as_json: bool) -> None:
    """Write report.html, report.md and post.md of the trial in FOLDER again, and seal it.

    post.md is short enough for a forum or an issue.


    Evidence that has changed since it was sealed is refused, and the changes are named.
    """
    from onbox.app.sealing import rewrite_reports, write_picture

    path = str(rewrite_reports(folder, reseal=reseal, tell=lambda text: err().line(text)))
    picture = None if svg is None else str(write_picture(folder, Path(svg) if svg else None))
    if as_json:
        print_json({"path": path, "svg": picture})
        return
    out().line(path)
    if picture:
        out().line(picture)
