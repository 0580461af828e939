"""`onbox ps`: what `up` started and how it does."""

import click

from onbox.cli.output import json_option, out, print_json
from onbox.cli.units import gib


@click.command("ps")
@json_option
def command(as_json: bool) -> None:
    """List what `onbox up` started, by its processes as they are now."""
    from onbox.cli.standing import backend_words, contract
    from onbox.launch import started_engines

    found = started_engines.all_running()
    if as_json:
        print_json({"engines": [contract(each) for each in found]})
        return
    if not found:
        out().print("nothing is up")
    for each in found:
        started, state = each.started, each.state()
        phase = each.noted.get("phase")
        doing = f", {phase}" if state == "starting" and phase else ""
        colour = {"serving": "green", "starting": "cyan", "stopped": "dim"}.get(state, "red")
        out().print(f"[bold]{started.name}[/bold]  [{colour}]{state}{doing}[/{colour}]  {started.url}")
        held = each.held_bytes()
        parts = [
            f"{started.engine}, up since {started.started_at[:19].replace('T', ' ')}",
            f"holds {gib(held)}" if held is not None else "",
            f"guard keeps {gib(started.reserve_bytes)}" if each.guarded() else "",
        ]
        out().print(f"  {'; '.join(part for part in parts if part)}", style="dim", markup=False)
        if backend := backend_words(each):
            out().print(f"  {backend}", style="dim", markup=False)
        if state in ("died", "guard", "unguarded"):
            out().print(f"  see {started.folder}/standup, then: onbox down {started.name}", markup=False)
