"""`onbox see`: can it see, and if not, who hides it?"""

from pathlib import Path

import click

from onbox.cli.manual import GUARDED, Manual
from onbox.cli.options import bytes_of, json_option
from onbox.cli.ui.console import out as stdout
from onbox.cli.ui.console import print_json


@click.command(
    "see",
    cls=Manual,
    examples=(
        ("onbox see http://127.0.0.1:8080/v1", "does it read pictures whose content cannot be guessed"),
        ("onbox see recipes/mine.yaml --fix", "start a recipe, and write a copy without the flag that hides sight"),
        (
            "onbox see http://127.0.0.1:8080/v1 --image invoice.png --expect 1234.50",
            "a picture of your own, and what must be read from it",
        ),
    ),
    ends={4: GUARDED},
)
@click.argument("subject", metavar="URL|RECIPE")
@click.option("--model", help="The model's name in requests to a URL; by default the server is asked.")
@click.option("--api-key-env", default="", metavar="NAME", help="Environment variable that holds the server's API key.")
@click.option("--n", "tries", type=click.IntRange(1, 100), default=4, show_default=True, help="Pictures of each size.")
@click.option(
    "--image", type=click.Path(path_type=Path), metavar="FILE", help="A picture of your own instead of generated ones."
)
@click.option("--expect", default="", metavar="TEXT", help="What an answer about it must contain.")
@click.option("--fix", is_flag=True, help="Write the recipe without what hides the tower, to RECIPE-sees.yaml.")
@click.option(
    "--fix-to", type=click.Path(path_type=Path), metavar="FILE", help="The file to write; may be the recipe itself."
)
@click.option("--reserve", type=click.FloatRange(min=0), metavar="GIB", help="Memory that the guard keeps available.")
@click.option("--out", type=click.Path(path_type=Path), help="The evidence folder.")
@json_option
def command(
    subject: str,
    model: str | None,
    api_key_env: str,
    tries: int,
    image: Path | None,
    expect: str,
    fix: bool,
    fix_to: Path | None,
    reserve: float | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Test whether the server at URL, or RECIPE, reads pictures whose content cannot be guessed, and if not, why.

    Questions without a picture and with an empty one are controls: if one is answered rightly, nothing is concluded.
    """
    from onbox.app.see import see_model
    from onbox.cli.ui.sight import sight
    from onbox.cli.ui.trial_view import make_view

    with make_view() as view:
        result = see_model(
            subject,
            model=model,
            api_key_env=api_key_env,
            tries=tries,
            image=image,
            expect=expect,
            fix=fix,
            fix_to=fix_to,
            out=out,
            reserve_bytes=bytes_of(reserve),
            show=view.show,
        )
    if as_json:
        fixed = str(result.fixed.path) if result.fixed else None
        print_json({"trial": str(result.folder), "fixed": fixed, **result.sight.model_dump(mode="json")})
        return
    screen = stdout()
    sight(screen, result.sight)
    if result.fixed:
        kept = "" if result.fixed.comments_kept else " (comments are lost: pip install ruamel.yaml keeps them)"
        screen.line(f"written {result.fixed.path}: {'; '.join(result.fixed.changes)}{kept}")
    elif result.unfixed:
        screen.line(f"no recipe was written: {result.unfixed}")
    screen.line(f"evidence in {result.folder}")
