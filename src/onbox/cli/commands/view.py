"""`onbox view`: a page on loopback over a folder of trials."""

from contextlib import suppress
from pathlib import Path

import click

from onbox.cli.manual import Manual
from onbox.cli.options import json_option
from onbox.cli.ui.console import err, out, print_json


@click.command(
    "view",
    cls=Manual,
    examples=(
        ("onbox view", "the trials in `trials`, including running ones"),
        ("onbox view my-trials --port 8090", "another folder, on a port of your choice"),
    ),
)
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port to serve on; by default a free one.")
@json_option
def command(folder: Path | None, port: int, as_json: bool) -> None:
    """Show the trials in FOLDER (default `trials`) in a browser on this box, including running ones, until Ctrl-C."""
    from onbox.app.viewing import open_view

    server = open_view(folder, port=port)
    if as_json:
        print_json({"url": server.url})
    else:
        out().line(server.url)
    err().line(("open it in a browser on this box; Ctrl-C ends", "dim"))
    with suppress(KeyboardInterrupt):
        server.serve()
