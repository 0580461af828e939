"""The decode rate of a running server, with witnesses and checks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from onbox.app.preflight import options_here
from onbox.app.sources import read_weights
from onbox.app.trials import plan_trial, run_trial
from onbox.engines import all_facts
from onbox.engines.base import GpuUse
from onbox.errors import UsageError
from onbox.evidence.claims import Claim
from onbox.evidence.claims_file import read_claims
from onbox.evidence.records import SpeedPlan
from onbox.judge.results import Measurement
from onbox.schema.recipe import dummy_weights
from onbox.speed.ceiling import write_ceiling
from onbox.trial import events
from onbox.trial.spec import TrialSpec
from onbox.wire.endpoint import Endpoint

WARM_UP_MAX = 8
"""Requests; a server that is not steady by then is measured as it is, and the result says so."""
CONCURRENCY_MAX = 256
TOKENS, REQUESTS = 256, 10
LEAST_TOKENS, LEAST_REQUESTS = 32, 4
BUDGET_S = 90.0
WHY_DEPTHS, WHY_CONCURRENCY = (1024, 4096, 16384), (2, 4)
"""Of the experiment that shows what bounds a rate; a depth that takes too long, and those beyond it, are left out."""


@dataclass(frozen=True)
class SpeedResult:
    """A measurement and the folder of its evidence."""

    folder: Path
    measurement: Measurement


def measure_speed(
    url: str,
    *,
    model: str | None = None,
    api_key_env: str = "",
    tokens: int | None = None,
    requests: int | None = None,
    at_least_s: float = 10.0,
    budget_s: float = BUDGET_S,
    within: float | None = None,
    why: bool = False,
    depth_tokens: int = 0,
    concurrency: Sequence[int] | None = None,
    weights: str | None = None,
    claims: Sequence[Claim] | Path = (),
    backend: str = "",
    precision: str = "",
    random_weights: bool = False,
    out: Path | str | None = None,
    show: Callable[[events.Event], None] = lambda event: None,
) -> SpeedResult:
    """Measure how fast the server at a URL decodes, by witnesses that must agree.

    Args:
        url: of an OpenAI-compatible server.
        model: its name in requests; the server is asked if left out.
        api_key_env: environment variable with the key that the server wants.
        tokens: output tokens a request, whatever the budget; None: 256, or as many as fit into it.
        requests: measured requests, whatever the budget; None: 10, or as many as fit into it.
        at_least_s: seconds of decoding; a fast server gets more requests.
        budget_s: seconds that the measurement one at a time may take; a slow server gets fewer and shorter requests.
        within: relative uncertainty that a second round of requests is to reach, like 0.01.
        why: what bounds the rate, by further depths and numbers of requests at a time; needs `weights`.
        depth_tokens: tokens of context before.
        concurrency: then so many requests at a time, beside one; None: 2 and 4 with `why`, else no more.
        weights: what it serves, as `onbox.read_weights` takes it: is the rate possible here?
        claims: published rates to compare with, or their file.
        backend: the server's kernels, as the user knows them.
        precision: of the resident weights, as the user knows it.
        random_weights: the server makes no sense on purpose; of one on this box its command line says so too.
        out: the evidence folder; `trials/speed-DATE-TIME` if left out.
        show: called with each event.

    Raises:
        UsageError: the URL, a number or a file is malformed.
        BoxError: no server answers there.
    """
    refuse_no_url(url)
    at_a_time = _at_a_time(concurrency, why=why)
    if why and not weights:
        raise UsageError(
            "--why: the bytes per step are needed", "name the served weights: --weights FOLDER, FILE or hf:ORG/NAME"
        )
    if why and depth_tokens:
        raise UsageError("--why: it chooses the depths itself", "leave --depth out")
    published = read_claims(claims).claims if isinstance(claims, Path) else claims
    plan = SpeedPlan(
        requests=requests or REQUESTS,
        at_least_s=at_least_s,
        tokens=tokens or TOKENS,
        budget_s=budget_s,
        least_requests=requests or LEAST_REQUESTS,
        least_tokens=tokens or LEAST_TOKENS,
        within=within,
        depth_tokens=depth_tokens,
        warmup_requests_max=WARM_UP_MAX,
        concurrency=at_a_time,
        depths=WHY_DEPTHS if why else (),
        backend=backend,
        precision=precision,
    )
    spec = TrialSpec(
        contenders=(url,),
        model=model,
        api_key_env=api_key_env,
        random_weights=random_weights or dummy_weights(options_here(Endpoint.parse(url)) or {}),
        speed=plan,
        bench=False,
        kind="speed",
    )
    facts = read_weights(weights) if weights else None
    folder = plan_trial(spec, out, claims=published)
    if facts is not None:
        home = folder.contender(folder.plan().contenders[0].name)
        write_ceiling(
            home,
            facts,
            depth_tokens=depth_tokens,
            box=folder.path / "box.json",
            depths=plan.depths,
            concurrency=plan.concurrency,
            gpus=_gpus_of(url),
        )
    result = run_trial(folder, show=show)
    result.check()
    measurement = result.verdict.contenders[0].speed
    assert measurement is not None
    return SpeedResult(folder.path, measurement)


def _at_a_time(concurrency: Sequence[int] | None, *, why: bool) -> tuple[int, ...]:
    """Numbers of requests at a time beside one; what the caller names is taken as it is, also for `why`.

    Raises:
        UsageError: one is none that can be measured.
    """
    if concurrency is None:
        return WHY_CONCURRENCY if why else ()
    if not all(1 <= number <= CONCURRENCY_MAX for number in concurrency):
        wrong = ",".join(map(str, concurrency))
        raise UsageError(f"--concurrency {wrong}: not numbers from 1 to {CONCURRENCY_MAX}", "write them as 1,2,4")
    return tuple(number for number in dict.fromkeys(concurrency) if number > 1)


def _gpus_of(url: str) -> GpuUse | None:
    """Over how many GPUs a server on this box spreads its model, if its command line says so; None: not known."""
    options = options_here(Endpoint.parse(url)) or {}
    uses = (facts.gpu_use(options) for facts in all_facts())
    return next((use for use in uses if use is not None and use.total > 1), None)


def refuse_no_url(url: str) -> None:
    """Raise UsageError unless it is an http or https URL."""
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url}: not an http or https URL", "write http://HOST:PORT/v1")
