"""`onbox up`: serve a recipe under the guard."""

from typing import TYPE_CHECKING

import click

from onbox.cli.manual import GUARDED, Manual
from onbox.cli.options import bytes_of, json_option
from onbox.cli.ui.console import err, out, print_json, verbatim

if TYPE_CHECKING:
    from onbox.app.types import Recipe

FORMS = ("command", "onbox", "sparkrun")
"""What `--as` takes: the command line, the recipe as onbox reads it, the recipe as sparkrun reads it."""


@click.command(
    "up",
    cls=Manual,
    examples=(
        ("onbox up qwen2.5-coder-1.5b", "serve a builtin recipe and print its URL"),
        ("onbox up recipes/mine.yaml --print", "the exact command; nothing is run"),
        (
            "onbox up recipes/mine.yaml --name mine --reserve 8",
            "under a name, with 8 GiB reserved for the rest of this box",
        ),
    ),
    ends={4: GUARDED},
)
@click.argument("recipe")
@click.option("--print", "only_print", is_flag=True, help="Print the exact command and start nothing.")
@click.option("--as", "form", type=click.Choice(FORMS), default="command", help="With --print: the recipe itself.")
@click.option("--name", help="The name for `down` and `ps`; by default the recipe's.")
@click.option("--port", type=click.IntRange(1, 65535), help="By default any free one.")
@click.option("--reserve", type=click.FloatRange(0), metavar="GIB", help="Memory that must stay available, in GiB.")
@click.option("--replace", metavar="NAME", help="Stop this engine first, and start it again at the end.")
@click.option("--check-weights", is_flag=True, help="Hash all weights again, even if their hash is known.")
@json_option
def command(
    recipe: str,
    only_print: bool,
    form: str,
    name: str | None,
    port: int | None,
    reserve: float | None,
    replace: str | None,
    check_weights: bool,
    as_json: bool,
) -> None:
    """Start the engine of RECIPE, show its phases until it serves, and leave it running under its guard.

    RECIPE is a file, the name of a builtin recipe, or a GGUF file. An interruption before it serves ends the engine.
    """
    from onbox.app.serving import as_json as contract
    from onbox.app.serving import backend_of, find_recipe, stand_up
    from onbox.cli.ui.launch_view import show_checks
    from onbox.cli.ui.trial_view import lines
    from onbox.report import formatting

    reserve_bytes = bytes_of(reserve)
    if only_print:
        found = find_recipe(recipe, name=name, port=port)
        print_launch(found, form=form, reserve_bytes=reserve_bytes, as_json=as_json)
        return
    with lines() as view:
        up = stand_up(
            recipe,
            name=name,
            port=port,
            reserve_bytes=reserve_bytes,
            replace=replace,
            check_weights=check_weights or None,
            show=view.show,
            on_checks=show_checks,
        )
    if as_json:
        print_json(contract(up))
        return
    out().line(up.started.url)
    if backend := backend_of(up):
        err().line(formatting.backend(backend))
    err().line((f"stop it with: onbox down {up.started.name}", "dim"))


def print_launch(
    recipe: "Recipe", *, form: str = "command", reserve_bytes: int | None = None, as_json: bool = False
) -> None:
    """Print the command or the recipe on stdout, so that it can be kept, and the doubts on stderr.

    Args:
        recipe: what would be started.
        form: one of `FORMS`.
        reserve_bytes: memory that must stay available; None takes the default for this box.
        as_json: one JSON object instead.

    Raises:
        UsageError: its engine, or sparkrun, cannot do what it asks for.
        BoxError: the engine is not installed.
    """
    from onbox.app.launch import recipe_text, resolve_launch
    from onbox.cli.ui.launch_view import show_checks

    if form != "command":
        verbatim(recipe_text(recipe, form))
        return
    resolved = resolve_launch(recipe, reserve_bytes=reserve_bytes)
    if as_json:
        print_json({**resolved.as_dict(), "phases": [], "backend": None, "state": "printed"})
        return
    verbatim(f"{resolved.launch.shown()}\n")
    show_checks(resolved.checks)
