"""`onbox up`: serve a recipe under the guard."""

import click

from onbox.cli.launching import FORMS
from onbox.cli.output import err, json_option, out, print_json


@click.command("up")
@click.argument("recipe")
@click.option("--print", "only_print", is_flag=True, help="Print the exact command and start nothing.")
@click.option("--as", "form", type=click.Choice(FORMS), default="command", help="With --print: the recipe itself.")
@click.option("--name", help="By which `down` and `ps` know it; the recipe's name if left out.")
@click.option("--port", type=click.IntRange(1, 65535), help="Any free one if left out.")
@click.option("--reserve", type=click.FloatRange(0), metavar="GIB", help="Memory that must stay available, in GiB.")
@click.option("--replace", metavar="NAME", help="Stop this engine before, and bring it back at the end.")
@json_option
def command(
    recipe: str,
    only_print: bool,
    form: str,
    name: str | None,
    port: int | None,
    reserve: float | None,
    replace: str | None,
    as_json: bool,
) -> None:
    """Start what RECIPE says, show its phases until it serves, and leave it to its guard.

    RECIPE is a file, the name of a recipe that comes along, or a GGUF file. An interruption before it serves ends it.
    """
    reserve_bytes = None if reserve is None else round(reserve * 2**30)
    from onbox import recipes

    found = recipes.find(recipe)
    if port is not None:
        found = found.model_copy(update={"serve": found.serve.model_copy(update={"port": port})})
    if name is not None:
        found = recipes.Recipe.model_validate({**found.model_dump(mode="json"), "name": name})
    if only_print:
        from onbox.cli.launching import print_launch

        print_launch(found, form=form, reserve=reserve_bytes, as_json=as_json)
        return
    from onbox.cli.standing import backend_words, contract, stand_up

    up = stand_up(found, reserve=reserve_bytes, replace=replace)
    if as_json:
        print_json(contract(up))
        return
    out().print(up.started.url, markup=False)
    if backend := backend_words(up):
        err().print(backend, markup=False)
    err().print(f"stop it with: onbox down {up.started.name}", style="dim")
