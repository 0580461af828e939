"""`onbox speed`: the decode rate of a running server."""

from pathlib import Path

import click

from onbox.cli.output import err, json_option, print_json
from onbox.errors import UsageError

WARM_UP_MAX = 8
"""Requests; a server that is not steady by then is measured as it is, and that is told."""

CONCURRENCY_MAX = 256


@click.command("speed")
@click.argument("url")
@click.option("--model", help="The model's name in requests; the server is asked if left out.")
@click.option("--api-key-env", default="", metavar="NAME", help="Environment variable with the key the server wants.")
@click.option("--tokens", type=click.IntRange(16), default=256, show_default=True, help="Output tokens a request.")
@click.option("--requests", type=click.IntRange(1), default=10, show_default=True, help="Measured requests.")
@click.option(
    "--at-least",
    type=click.FloatRange(0),
    default=10.0,
    show_default=True,
    metavar="S",
    help="Seconds of decoding: a fast server gets more requests.",
)
@click.option("--depth", type=click.IntRange(0), default=0, show_default=True, help="Tokens of context before.")
@click.option("--concurrency", default="1", metavar="N,N,...", help="Then so many requests at a time, as 1,2,4.")
@click.option("--weights", metavar="SRC", help="What it serves, as `onbox fit` takes it: is the rate possible here?")
@click.option("--claims", "claims_file", type=click.Path(path_type=Path), help="Published rates to compare with.")
@click.option("--backend", default="", help="The server's kernels, as you know them; claims ask for it.")
@click.option("--precision", default="", help="Of the resident weights, as you know it; claims ask for it.")
@click.option("--out", type=click.Path(path_type=Path), help="The evidence folder.")
@json_option
def command(
    url: str,
    model: str | None,
    api_key_env: str,
    tokens: int,
    requests: int,
    at_least: float,
    depth: int,
    concurrency: str,
    weights: str | None,
    claims_file: Path | None,
    backend: str,
    precision: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure how fast the server at URL decodes, by witnesses that must agree."""
    from onbox.cli.measurement import measurement
    from onbox.cli.sources import facts_of
    from onbox.cli.trials import carry_out, new_folder
    from onbox.evidence.claims import read_claims
    from onbox.evidence.records import SpeedPlan
    from onbox.speed.ceiling import write_ceiling
    from onbox.trial.asked import Asked

    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url}: not an http or https URL", "write http://HOST:PORT/v1")
    claims = read_claims(claims_file).claims if claims_file else ()
    plan = SpeedPlan(
        requests=requests,
        at_least_s=at_least,
        tokens=tokens,
        depth_tokens=depth,
        warmup_requests_max=WARM_UP_MAX,
        concurrency=_numbers(concurrency),
        backend=backend,
        precision=precision,
    )
    asked = Asked(contenders=(url,), model=model, api_key_env=api_key_env, speed=plan, bench=False, kind="speed")
    facts = facts_of(weights) if weights else None
    folder = new_folder(asked, out, unsafe=False, claims=claims)
    if facts is not None:
        home = folder.contender(folder.plan().contenders[0].name)
        write_ceiling(home, facts, depth_tokens=depth, box=folder.path / "box.json")
    done = carry_out(folder)
    done.complain()
    speed = done.verdict.contenders[0].speed
    assert speed is not None
    if as_json:
        print_json({"trial": str(folder.path), **speed.model_dump(mode="json")})
    else:
        err().print(measurement(speed, folder.path))


def _numbers(text: str) -> tuple[int, ...]:
    """`1,2,4` as numbers of requests at a time beside one, which is always measured first.

    Raises:
        UsageError: it is something else.
    """
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = [0]
    if not all(1 <= number <= CONCURRENCY_MAX for number in numbers):
        raise UsageError(f"--concurrency {text}: not numbers from 1 to {CONCURRENCY_MAX}", "write them as 1,2,4")
    return tuple(number for number in dict.fromkeys(numbers) if number > 1)
