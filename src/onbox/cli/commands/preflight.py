"""`onbox preflight`: what a server lacks for an agent, before hours are spent on it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from onbox.cli.manual import Manual
from onbox.cli.options import json_option
from onbox.cli.ui.console import err, print_json
from onbox.cli.ui.console import out as stdout
from onbox.schema.units import seconds

if TYPE_CHECKING:
    from onbox.app.types import PreflightCase

INDENT = 9
MARKS = {"pass": ("pass   ", "green"), "warn": ("warn   ", "yellow"), "fail": ("FAIL   ", "bold red")}


@click.command(
    "preflight",
    cls=Manual,
    examples=(
        ("onbox preflight http://127.0.0.1:8080/v1", "can an agent work with this server, and which flag is missing"),
        ("onbox preflight http://127.0.0.1:8080/v1 --model new --json", "one of several models, as JSON"),
    ),
)
@click.argument("url")
@click.option("--model", help="The model's name in requests; by default the server is asked.")
@click.option("--out", type=click.Path(path_type=Path), help="The evidence folder.")
@json_option
def command(url: str, model: str | None, out: Path | None, as_json: bool) -> None:
    """Ask the server at URL some twenty short questions: can an agent work with it, and which flag is missing?"""
    from onbox.app.preflight import check_server

    screen = err() if as_json else stdout()

    def show(case: "PreflightCase") -> None:
        screen.line(MARKS.get(case.status, ("unknown", "dim")), f"  {case.name}")
        screen.line(case.detail, indent=INDENT, wrap=True)

    result = check_server(url, model=model, out=out, show=show)
    record = result.record
    if as_json:
        print_json({"folder": str(result.folder), "model": result.model, **record.model_dump(mode="json")})
        return
    failed = sum(case.status == "fail" for case in record.cases)
    screen.line()
    screen.line((result.conclusion, "bold green" if record.tools else "bold red"), ".")
    for remedy in dict.fromkeys(case.remedy for case in record.cases if case.remedy):
        helped = [case.name for case in record.cases if case.remedy == remedy]
        screen.line(f"try    {', '.join(helped)}:")
        screen.line(remedy, indent=INDENT, wrap=True)
    took = f"{record.requests} requests in {seconds(record.seconds)}"
    screen.line(f"{failed} of {len(record.cases)} cases failed; {took}; evidence in {result.folder}")
