"""`onbox down`: stop what `up` started."""

import click

from onbox.cli.output import err, json_option, print_json
from onbox.errors import BoxError, UsageError


@click.command("down")
@click.argument("name")
@json_option
def command(name: str, as_json: bool) -> None:
    """Stop NAME, see that nothing of it is left, and forget it; its evidence stays."""
    from onbox.cli.standing import contract
    from onbox.launch import started_engines

    found = started_engines.find(name)
    if found is None:
        known = ", ".join(each.started.name for each in started_engines.all_running()) or "nothing is up"
        raise UsageError(f"{name}: nothing of that name was started by `onbox up`", f"onbox ps ({known})")
    gone = started_engines.stop(found)
    found = started_engines.find(name) or found
    told = contract(found, gone)
    if not gone.whole:
        left = [what for what in ("process", "port", "container") if told["gone"][what] is False]
        raise BoxError(f"{name}: still there: {', '.join(left)}", f"look at process {told['pid']}, port {told['port']}")
    started_engines.put_away(name)
    if as_json:
        print_json(told)
        return
    removed = f"; removed from /dev/shm: {', '.join(gone.shared_memory)}" if gone.shared_memory else ""
    container = "" if gone.container is None else ", container"
    err().print(f"{name}: gone: process, port {told['port']}{container}{removed}; evidence in {told['folder']}")
