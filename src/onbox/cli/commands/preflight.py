"""`onbox preflight`: what a server lacks for an agent, before hours are spent on it."""

import textwrap
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from onbox.cli.output import err, json_option, print_json
from onbox.cli.output import out as stdout
from onbox.errors import BoxError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

INDENT = 9
MARKS = {"pass": ("pass   ", "green"), "warn": ("warn   ", "yellow"), "fail": ("FAIL   ", "bold red")}


@click.command("preflight")
@click.argument("url")
@click.option("--model", help="The model's name in requests; the server is asked if left out.")
@click.option("--out", type=click.Path(path_type=Path), help="The evidence folder.")
@json_option
def command(url: str, model: str | None, out: Path | None, as_json: bool) -> None:
    """Ask the server at URL some twenty short questions: can an agent work with it, and which flag is missing?"""
    from rich.text import Text

    from onbox import preflight
    from onbox.engines.served import who_serves
    from onbox.evidence.folder import append_line, write_json
    from onbox.evidence.records import PreflightCase
    from onbox.wire.client import StampedClient
    from onbox.wire.endpoint import Endpoint

    folder = out or Path("trials") / f"preflight-{datetime.now():%Y%m%d-%H%M%S}"
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder}: is there already and not empty", "name another folder")
    show = err() if as_json else stdout()

    def tell(case: PreflightCase) -> None:
        mark, colour = MARKS.get(case.status, ("unknown", "dim"))
        show.print(Text.assemble((mark, colour), "  ", case.name))
        _indented(show, case.detail)

    with StampedClient(Endpoint.parse(url), read_timeout_s=preflight.PATIENCE_S) as client:
        served = who_serves(client, model)
        if served is None:
            raise BoxError(f"{url}: no server answers there", "start it, or name another URL")
        name = model or (served.models[0] if served.models else "default")
        record, exchanges = preflight.long(client, name, served, tell)
    write_json(folder / "preflight.json", record)
    for exchange in exchanges:
        append_line(folder / "preflight.jsonl", exchange)
    if as_json:
        print_json({"folder": str(folder), "model": name, **record.model_dump(mode="json")})
        return
    failed = sum(case.status == "fail" for case in record.cases)
    verdict = "An agent can work with it" if record.tools else "No agent can work with it: no tool call arrives"
    show.print()
    show.print(Text.assemble((verdict, "bold green" if record.tools else "bold red"), "."))
    for remedy in dict.fromkeys(case.remedy for case in record.cases if case.remedy):
        helped = [case.name for case in record.cases if case.remedy == remedy]
        show.print(Text(f"try    {', '.join(helped)}:"))
        _indented(show, remedy)
    took = f"{record.requests} requests in {record.seconds:.0f} s"
    show.print(Text(f"{failed} of {len(record.cases)} cases failed; {took}; evidence in {folder}"))


def _indented(show: "Console", text: str) -> None:
    for line in textwrap.wrap(text, max(show.width - INDENT, 20), break_on_hyphens=False):
        show.print(" " * INDENT + line, markup=False, soft_wrap=True)
