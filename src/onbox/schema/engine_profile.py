"""What judge has to know of an engine, as data: its counters, how to difference them, and its times in a reply.

The package of an engine (`onbox.engines.<engine>`) declares it; a measurement records the one of its server in
`speed/N/run.json`, so that the evidence is judged the same where that package is not installed.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class DecodeRate:
    """One way in which counters give the decode rate: (tokens - firsts) / (seconds - seconds_less).

    Args:
        tokens: output tokens of finished requests.
        firsts: counter of those that were made before the seconds began; empty: none; None: one of each request, where
            the engine counts no requests.
        seconds: spent on them.
        seconds_less: what of that is not decoding.
        by_event: one is counted for each event, so that it is wrong where an event holds several tokens.
    """

    tokens: str
    seconds: str
    firsts: str | None = None
    seconds_less: str = ""
    by_event: bool = False


@dataclass(frozen=True)
class CounterNames:
    """What one engine calls its counters; of several names for one thing the first that is there counts.

    Args:
        generated: output tokens; how the engine is recognised.
        rates: ways to the decode rate, the best first.
        requests: finished requests; none where the engine does not count them, then the caller's own count serves.
        prompt: prompt tokens.
        prompt_is_uncached: those from the cache are counted apart.
        cached: prompt tokens taken from the prefix cache.
        queried: prompt tokens looked up there; none where these are all prompt tokens.
        preemptions: requests that lost their place.
        never_preempts: the engine has no such thing.
        drafts: passes that checked a draft.
        accepted: drafted tokens that were kept.
        running: gauges of requests that are served.
        waiting: gauges of requests that wait.
        live: counters of tokens or passes that grow while a request runs, for the watcher.
    """

    generated: tuple[str, ...] = ()
    rates: tuple[DecodeRate, ...] = ()
    requests: tuple[str, ...] = ()
    prompt: tuple[str, ...] = ()
    prompt_is_uncached: bool = False
    cached: tuple[str, ...] = ()
    queried: tuple[str, ...] = ()
    preemptions: tuple[str, ...] = ()
    never_preempts: bool = False
    drafts: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    live: tuple[str, ...] = ()

    @property
    def busy(self) -> tuple[str, ...]:
        """Gauges that are zero when nobody is served."""
        return (*self.running, *self.waiting)

    def all(self) -> tuple[str, ...]:
        """Every counter, each of which can only grow."""
        of_rates = tuple(
            name for rate in self.rates for name in (rate.tokens, rate.firsts, rate.seconds, rate.seconds_less) if name
        )
        named = (self.generated, self.requests, self.prompt, self.cached, self.queried, self.preemptions)
        return tuple(dict.fromkeys(sum((*named, self.drafts, self.accepted, of_rates), ())))


@dataclass(frozen=True)
class ReplyTiming:
    """The engine's own times of one request, as they stand in its reply.

    Args:
        part: the object that holds them: `timings`, `metrics` or `durations`.
        seconds: field with the time of decoding.
        per_second: units of that field in a second.
        tokens: field with the output tokens; empty: those of `usage`.
        first_excluded: the time begins with the first token, so that one token fewer falls into it.
        drafted: field with the tokens that were drafted; empty: none.
        accepted: field with those of them that were kept.
        counts_apart: the output tokens are counted apart from `usage`, so that the two can be held against each other.
    """

    part: str
    seconds: str
    per_second: float
    tokens: str = ""
    first_excluded: bool = False
    drafted: str = ""
    accepted: str = ""
    counts_apart: bool = False


@dataclass(frozen=True)
class EngineProfile:
    """One engine.

    Args:
        engine: its short name, as it stands in evidence.
        counters: None where it has none.
        timing: None where its replies carry no times.
        witness_spread: share by which its own numbers may differ from the client's; None: the default.
        metrics_option: how its counters are switched on; empty: they are on.
        usage_option: how usage is switched on for requests that ask for it and get none; empty: no option does.
    """

    engine: str
    counters: CounterNames | None = None
    timing: ReplyTiming | None = field(default=None)
    witness_spread: float | None = None
    metrics_option: str = ""
    usage_option: str = ""


def per_token(name: str, *, by_event: bool) -> DecodeRate:
    """The rate by a histogram of the seconds between two tokens: its count over its sum."""
    return DecodeRate(tokens=f"{name}_count", seconds=f"{name}_sum", firsts="", by_event=by_event)


def of_requests(prefix: str) -> DecodeRate:
    """The rate by seconds of finished requests, less those to the first token."""
    return DecodeRate(
        tokens=f"{prefix}generation_tokens_total",
        firsts=f"{prefix}e2e_request_latency_seconds_count",
        seconds=f"{prefix}e2e_request_latency_seconds_sum",
        seconds_less=f"{prefix}time_to_first_token_seconds_sum",
    )
