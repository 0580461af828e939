"""`onbox selftest`: the estimator against servers of known truth."""

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from onbox.cli.output import err, json_option, out, print_json
from onbox.errors import BadSubjectError, BoxError, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from onbox.judge.selftest import ShapeResult
    from onbox.selftest.shapes import Shape, Tempo


@click.command("selftest")
@click.option("--serve", is_flag=True, help="Serve the shapes on loopback, for any client, until Ctrl-C.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Where to serve; a free port if left out.")
@click.option("--shape", "names", multiple=True, metavar="S", help="Only this shape; may be given several times.")
@click.option(
    "--stall",
    "stall_s",
    type=click.FloatRange(0.0),
    default=5.0,
    show_default=True,
    help="Length of the pause of `stall`, in seconds.",
)
@click.option("--jobs", type=click.IntRange(1), help="Shapes that are measured at a time; 12 if left out.")
@click.option("--out", "folder", type=click.Path(path_type=Path), help="Keep the evidence in this folder.")
@json_option
def command(
    serve: bool,
    port: int,
    names: tuple[str, ...],
    stall_s: float,
    jobs: int | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Measure servers whose rate is known: right numbers within 1 percent, bad streams refused for the right reason."""
    from onbox.selftest.shapes import SHAPES, Tempo

    unknown = [name for name in names if name not in SHAPES]
    if unknown:
        raise UsageError(f"--shape {unknown[0]}: no such shape", f"one of {', '.join(SHAPES)}")
    if serve:
        _serve(port, names, Tempo(stall_s=stall_s), as_json)
        return
    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise UsageError(f"--out {folder}: is there already and not empty", "name another folder")
    shapes = [shape for name, shape in SHAPES.items() if not names or name in names]
    results = _measured(shapes, folder, Tempo(stall_s=stall_s), jobs)
    if as_json:
        print_json({"shapes": [_contract(result) for result in results]})
    else:
        out().print(_table(results))
    missed = [result for result in results if not result.passed]
    if missed:
        kept = "" if folder else "keep the evidence with --out DIR"
        said = "; ".join(f"{result.name}: {result.why}" for result in missed)
        raise BadSubjectError(f"selftest: {len(missed)} of {len(results)} shapes missed: {said}", kept)
    if not as_json:
        out().print(f"{len(results)} of {len(results)} shapes as they must be", style="green")


def _measured(shapes: "Sequence[Shape]", folder: Path | None, tempo: "Tempo", jobs: int | None) -> "list[ShapeResult]":
    from onbox.judge.selftest import judge_shape
    from onbox.selftest.run import JOBS, measure_shapes

    done: list[str] = []
    place = nullcontext(str(folder)) if folder else TemporaryDirectory(prefix="onbox-selftest-")
    with place as path, err().status("selftest: the servers start") as line:

        def on_shape(name: str) -> None:
            done.append(name)
            line.update(f"selftest: {len(done)} of {len(shapes)} shapes measured")

        measure_shapes(shapes, Path(path), tempo=tempo, jobs=jobs or JOBS, on_shape=on_shape)
        return [judge_shape(Path(path), shape.name) for shape in shapes]


def _serve(port: int, names: tuple[str, ...], tempo: "Tempo", as_json: bool) -> None:
    import asyncio

    from onbox.selftest.host import serve
    from onbox.selftest.shapes import SHAPES

    if len(names) > 1:
        raise UsageError("--shape: a server has one shape, or all of them by the model's name", "give it once")
    only = names[0] if names else None

    def on_port(number: int) -> None:
        url = f"http://127.0.0.1:{number}/v1"
        if as_json:
            print_json({"url": url, "shapes": [only] if only else list(SHAPES)})
        which = f"every model is {only}" if only else f"{len(SHAPES)} shapes, by the model's name"
        err().print(f"{url}: {which}; Ctrl-C ends", markup=False)

    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(serve(port, only, tempo, on_port))
    except OSError as error:
        raise BoxError(
            f"--port {port}: cannot listen there: {error.strerror}", "leave it out for a free one"
        ) from error


def _contract(result: "ShapeResult") -> dict[str, Any]:
    data = result.model_dump(mode="json")
    return {**data, "pass": data.pop("passed")}


def _table(results: "Sequence[ShapeResult]") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("shape", no_wrap=True)
    for name in ("truth", "measured", "error"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("by")
    for result in results:
        rate = "no rate" if result.measured_tok_s is None else f"{result.measured_tok_s:.1f}"
        error = "" if result.error_pct is None else f"{result.error_pct:+.2f} %"
        style = "" if result.passed else "bold red"
        what = result.why or ", ".join(result.checks)
        cells = (result.name, f"{result.truth_tok_s:.1f}", rate, error, result.status.value, what)
        table.add_row(*(Text(cell, style) for cell in cells))
    return table
