"""`onbox ps`: what `up` started and how it does."""

import click

from onbox.cli.manual import Manual
from onbox.cli.options import json_option
from onbox.cli.ui.console import out, print_json
from onbox.schema.units import gib


@click.command(
    "ps",
    cls=Manual,
    examples=(
        ("onbox ps", "the engines that `onbox up` started, and their state"),
        ("onbox ps --json", "the same as JSON"),
    ),
)
@json_option
def command(as_json: bool) -> None:
    """List the engines that `onbox up` started, with their present state."""
    from onbox.app.serving import as_json as contract
    from onbox.app.serving import backend_of, running_engines
    from onbox.report import formatting

    found, screen = running_engines(), out()
    if as_json:
        print_json({"engines": [contract(each) for each in found]})
        return
    if not found:
        screen.line("nothing is up")
    for each in found:
        started, state = each.started, each.state()
        phase = each.noted.get("phase")
        doing = f", {phase}" if state == "starting" and phase else ""
        colour = {"serving": "green", "starting": "cyan", "stopped": "dim", "interrupted": "dim"}.get(state, "red")
        screen.line((started.name, "bold"), "  ", (f"{state}{doing}", colour), f"  {started.url}")
        held = each.held_bytes()
        parts = [
            f"{started.engine}, up since {started.started_at[:19].replace('T', ' ')}",
            f"holds {gib(held)}" if held is not None else "",
            f"guard keeps {gib(started.reserve_bytes)}" if each.guarded() else "",
        ]
        screen.line(("; ".join(part for part in parts if part), "dim"), indent=2)
        if backend := backend_of(each):
            screen.line((formatting.backend(backend), "dim"), indent=2)
        if state in ("died", "guard", "unguarded", "interrupted"):
            screen.line(f"see {started.folder}/standup, then: onbox down {started.name}", indent=2)
