"""`onbox doctor`: what works here and what one command mends."""

import click

from onbox.cli.manual import Manual
from onbox.cli.options import json_option
from onbox.cli.ui.console import err, out, print_json

STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red", "unknown": "dim"}


@click.command(
    "doctor",
    cls=Manual,
    examples=(
        ("onbox doctor", "what works on this box, and how to fix the rest"),
        ("onbox doctor --json", "the same as JSON"),
    ),
)
@json_option
def command(as_json: bool) -> None:
    """What works on this box, and how to fix the rest: box, sandbox, engine, containers, proxy, GPU, agents.

    Nothing is downloaded or changed. `fail` means that no trial with agents can run; `warn` that something else does
    not work here.
    """
    from onbox.app.doctor import examine_box

    with err().status("looking at the box, its sandboxes, containers and agents"):
        found = examine_box()
    if as_json:
        names = ("id", "status", "observed", "hint")
        print_json({"checks": [{name: getattr(each, name) for name in names} for each in found]})
        return
    for each in found:
        out().line((f"{each.status:8}", STYLES.get(each.status, "")), f"{each.id:28}", str(each.observed))
        if each.hint:
            out().line((each.hint, "dim"), indent=10)
