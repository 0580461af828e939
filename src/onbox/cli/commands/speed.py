"""`onbox speed`: the decode rate of a running server."""

from pathlib import Path

import click

from onbox.cli.manual import Manual
from onbox.cli.options import json_option
from onbox.cli.ui.console import err, print_json
from onbox.errors import UsageError


@click.command(
    "speed",
    cls=Manual,
    examples=(
        ("onbox speed http://127.0.0.1:8080/v1", "the decode rate, by independent measurements that must agree"),
        (
            "onbox speed http://127.0.0.1:8080/v1 --within 1% --budget 300",
            "continue until it is known to 1 percent, for 5 minutes at most",
        ),
        (
            "onbox speed http://127.0.0.1:8080/v1 --weights models/new.gguf --concurrency 1,2,4",
            "is the rate possible here, and what do concurrent requests get",
        ),
    ),
)
@click.argument("url")
@click.option("--model", help="The model's name in requests; by default the server is asked.")
@click.option("--api-key-env", default="", metavar="NAME", help="Environment variable that holds the server's API key.")
@click.option(
    "--tokens", type=click.IntRange(16), help="Output tokens per request; by default 256, or what the budget allows."
)
@click.option("--requests", type=click.IntRange(1), help="Measured requests; by default 10, or what the budget allows.")
@click.option(
    "--budget",
    type=click.FloatRange(1),
    default=90.0,
    show_default=True,
    metavar="S",
    help="Seconds for the measured requests, one at a time: a slow server gets fewer and shorter ones.",
)
@click.option("--within", metavar="PERCENT", help="Measure until the rate is known to this, or say why it is not.")
@click.option(
    "--why",
    is_flag=True,
    help="Find what limits it: memory, launches or computation; by depths and concurrent requests.",
)
@click.option(
    "--at-least",
    type=click.FloatRange(0),
    default=10.0,
    show_default=True,
    metavar="S",
    help="Seconds of decoding: a fast server gets more requests.",
)
@click.option(
    "--depth", type=click.IntRange(0), default=0, show_default=True, help="Tokens of context before the answer."
)
@click.option("--concurrency", metavar="N,N,...", help="Also measure so many requests at a time, as 1,2,4.")
@click.option("--weights", metavar="SRC", help="The served weights, as for `onbox fit`: is the rate possible here?")
@click.option("--claims", "claims_file", type=click.Path(path_type=Path), help="Published rates to compare with.")
@click.option("--backend", default="", help="The server's kernels, if you know them; needed for claims.")
@click.option("--precision", default="", help="Precision of the weights in memory, if you know it; needed for claims.")
@click.option("--random-weights", is_flag=True, help="Its weights are random on purpose: a rate of the kernels.")
@click.option("--out", type=click.Path(path_type=Path), help="The evidence folder.")
@json_option
def command(
    url: str,
    model: str | None,
    api_key_env: str,
    tokens: int | None,
    requests: int | None,
    budget: float,
    within: str | None,
    why: bool,
    at_least: float,
    depth: int,
    concurrency: str | None,
    weights: str | None,
    claims_file: Path | None,
    backend: str,
    precision: str,
    random_weights: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure how fast the server at URL decodes, by independent measurements that must agree."""
    from onbox.app.speed import measure_speed
    from onbox.cli.ui.measurement import measurement
    from onbox.cli.ui.trial_view import make_view

    with make_view() as view:
        result = measure_speed(
            url,
            model=model,
            api_key_env=api_key_env,
            tokens=tokens,
            requests=requests,
            at_least_s=at_least,
            budget_s=budget,
            within=_share(within),
            why=why,
            depth_tokens=depth,
            concurrency=None if concurrency is None else _numbers(concurrency),
            weights=weights,
            claims=claims_file or (),
            backend=backend,
            precision=precision,
            random_weights=random_weights,
            out=out,
            show=view.show,
        )
    if as_json:
        print_json({"trial": str(result.folder), **result.measurement.model_dump(mode="json")})
    else:
        err().show(measurement(result.measurement, result.folder))


def _numbers(text: str) -> tuple[int, ...]:
    """`1,2,4` as numbers of requests at a time.

    Raises:
        UsageError: it is something else.
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--concurrency {text}: not numbers", "write them as 1,2,4") from None


def _share(percent: str | None) -> float | None:
    """`1%` or `1` as 0.01.

    Raises:
        UsageError: it is something else.
    """
    if percent is None:
        return None
    try:
        share = float(percent.strip().removesuffix("%")) / 100
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise UsageError(f"--within {percent}: not a percentage between 0 and 100", "write it as 1%")
    return share
