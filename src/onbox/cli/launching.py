"""`onbox up RECIPE --print`: what would be started, and the doubts about it; nothing is."""

from typing import TYPE_CHECKING

from onbox.cli.output import err, print_json

if TYPE_CHECKING:
    from onbox.box.checks import Check
    from onbox.recipes import Recipe

FORMS = ("command", "onbox", "sparkrun")
"""What `--as` takes: the command line, the recipe as onbox reads it, the recipe as sparkrun reads it."""


def print_launch(recipe: "Recipe", *, form: str = "command", reserve: int | None = None, as_json: bool = False) -> None:
    """Print a recipe's launch: the command on stdout, so that it can be kept, and the doubts on stderr.

    Args:
        recipe: what would be started.
        form: one of `FORMS`.
        reserve: bytes of memory that must stay available; None takes the default for this box.

    Raises:
        UsageError: its engine, or sparkrun, cannot do what it asks for.
        BoxError: the engine is not installed.
    """
    if form != "command":
        print(_text(recipe, form), end="")
        return
    from onbox.launch.resolve import resolve

    resolved = resolve(recipe, reserve=reserve)
    if as_json:
        print_json({**resolved.as_dict(), "phases": [], "backend": None, "state": "printed"})
        return
    print(resolved.launch.shown())
    show_checks(resolved.checks)


def show_checks(checks: "tuple[Check, ...]") -> None:
    """Doubts first, each with what to do, then how many rules had none."""
    from rich.markup import escape
    from rich.table import Table

    order = {"fail": 0, "warn": 1, "unknown": 2}
    colours = {"fail": "red", "warn": "yellow", "unknown": "dim"}
    table = Table.grid(padding=(0, 2))
    for check in sorted((each for each in checks if each.status in order), key=lambda each: order[each.status]):
        seen = "" if check.observed is None or check.unit == "bytes" else f"{check.observed}. "
        hint = f"\n{check.hint}" if check.hint else ""
        table.add_row(
            f"[{colours[check.status]}]{check.status}[/]", escape(f"{check.id}: {seen}{check.evidence}{hint}")
        )
    console = err()
    if table.row_count:
        console.print(table)
    passed = sum(check.status == "pass" for check in checks)
    console.print(f"{passed} of {len(checks)} checks passed", style="dim")


def _text(recipe: "Recipe", form: str) -> str:
    if form == "onbox":
        from onbox.recipes.text import recipe_yaml

        return recipe_yaml(recipe).decode()
    from onbox.recipes.sparkrun import to_sparkrun, written

    return written(to_sparkrun(recipe))
