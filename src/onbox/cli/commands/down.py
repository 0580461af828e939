"""`onbox down`: stop what `up` started."""

import click

from onbox.cli.manual import Manual
from onbox.cli.options import json_option
from onbox.cli.ui.console import err, print_json


@click.command(
    "down",
    cls=Manual,
    examples=(
        ("onbox down mine", "stop it, and check that nothing of it is left"),
        ("onbox down mine --json", "the same as JSON"),
    ),
)
@click.argument("name")
@json_option
def command(name: str, as_json: bool) -> None:
    """Stop NAME, check that nothing of it is left, and forget it; its evidence stays."""
    from onbox.app.serving import as_json as contract
    from onbox.app.serving import stop_engine

    up, gone = stop_engine(name)
    if as_json:
        print_json(contract(up, gone))
        return
    removed = f"; removed from /dev/shm: {', '.join(gone.shared_memory)}" if gone.shared_memory else ""
    container = "" if gone.container is None else ", container"
    err().line(f"{name}: gone: process, port {up.started.port}{container}{removed}; evidence in {up.started.folder}")
