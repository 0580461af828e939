"""`onbox selftest`: the estimator against servers of known truth."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onbox.cli.manual import Manual
from onbox.cli.options import json_option
from onbox.cli.ui.console import Part, err, out, print_json

if TYPE_CHECKING:
    from onbox.app.types import ShapeResult


@click.command(
    "selftest",
    cls=Manual,
    examples=(
        ("onbox selftest", "every shape of test server with a known rate"),
        ("onbox selftest --serve --port 8099 --shape clean", "serve one shape, to measure it with another client"),
    ),
    ends={1: "a shape was measured wrong"},
)
@click.option("--serve", is_flag=True, help="Serve the shapes on loopback, for any client, until Ctrl-C.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port to serve on; by default a free one.")
@click.option("--shape", "names", multiple=True, metavar="S", help="Only this shape; may be given several times.")
@click.option(
    "--stall",
    "stall_s",
    type=click.FloatRange(0.0),
    default=5.0,
    show_default=True,
    help="Length of the pause of `stall`, in seconds.",
)
@click.option("--jobs", type=click.IntRange(1), help="Shapes measured at a time; default 12.")
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
    from onbox.app.selftest import check_results, run_selftest

    if serve:
        _serve(port, names, stall_s, as_json)
        return
    with err().status("selftest: the servers start") as update:

        def on_shape(done: int, total: int) -> None:
            update(f"selftest: {done} of {total} shapes measured")

        results = run_selftest(names, out=folder, stall_s=stall_s, jobs=jobs, on_shape=on_shape)
    if as_json:
        print_json({"shapes": [_contract(result) for result in results]})
    else:
        _show(results)
    check_results(results, kept=folder is not None)
    if not as_json:
        out().line((f"{len(results)} of {len(results)} shapes as they must be", "green"))


def _serve(port: int, names: tuple[str, ...], stall_s: float, as_json: bool) -> None:
    from onbox.app.selftest import SHAPES, serve_shapes

    only = names[0] if names else None

    def on_port(number: int) -> None:
        url = f"http://127.0.0.1:{number}/v1"
        if as_json:
            print_json({"url": url, "shapes": [only] if only else list(SHAPES)})
        which = f"every model is {only}" if only else f"{len(SHAPES)} shapes, by the model's name"
        err().line(f"{url}: {which}; Ctrl-C ends")

    with suppress(KeyboardInterrupt):
        serve_shapes(names, port=port, stall_s=stall_s, on_port=on_port)


def _contract(result: "ShapeResult") -> dict[str, Any]:
    data = result.model_dump(mode="json")
    return {**data, "pass": data.pop("passed")}


def _show(results: "Sequence[ShapeResult]") -> None:
    rows: list[tuple[Part, ...]] = []
    for result in results:
        rate = "no rate" if result.measured_tok_s is None else f"{result.measured_tok_s:.1f}"
        error = "" if result.error_pct is None else f"{result.error_pct:+.2f} %"
        style = "" if result.passed else "bold red"
        why = result.why or ", ".join(result.checks)
        cells = (result.name, f"{result.truth_tok_s:.1f}", rate, error, result.status.value, why)
        rows.append(tuple((cell, style) for cell in cells))
    out().table(rows, head=("shape", "truth", "measured", "error", "status", "by"), right=(1, 2, 3))
