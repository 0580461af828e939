"""Counters of an engine: Prometheus text in, differences out; what is missing is None and never zero."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from onbox.engines.profiles import BUILTIN
from onbox.schema.engine_profile import CounterNames, DecodeRate, EngineProfile

Values = Mapping[str, float]

START_TIME = "process_start_time_seconds"


def parse(text: str | None) -> dict[str, float] | None:
    """Read Prometheus text.

    Returns:
        Sample name -> value, summed over labels (engines and models of one server); histogram buckets and values that
        are no numbers are left out. None when there is no text or it is not Prometheus text.
    """
    if not text:
        return None
    values: dict[str, float] = {}
    # Buckets are nine lines of ten, and nobody asks for them.
    lines = "\n".join(line for line in text.split("\n") if "_bucket" not in line)
    try:
        for family in text_string_to_metric_families(lines):
            for sample in family.samples:
                if math.isfinite(sample.value) and not sample.name.endswith("_bucket"):
                    values[sample.name] = values.get(sample.name, 0.0) + sample.value
    except (ValueError, IndexError, KeyError, OverflowError):
        return None
    return values or None


@dataclass(frozen=True)
class Counters:
    """What an engine's counters did between two scrapes.

    Args:
        engine: the short name of its profile.
        generated: output tokens.
        requests: finished requests, None where the engine does not count them.
        prompt: prompt tokens, cached ones included.
        decoded: output tokens that `decode_s` covers.
        firsts: how many of them were made before it began to count; None: one of each request, by the caller's count.
        decode_s: seconds.
        cached: prompt tokens from the prefix cache.
        queried: prompt tokens that were looked up there.
        preemptions: requests that had to give up their place and begin anew; None where the engine does not say.
        drafts: passes that checked a draft.
        accepted: drafted tokens that were kept.
        busy: requests that ran or waited at the second scrape.
        resets: counters that went backwards, or the start time if it moved; then all differences are void.
    """

    engine: str
    generated: int | None
    requests: int | None
    prompt: int | None
    decoded: int | None
    firsts: int | None
    decode_s: float | None
    cached: int | None
    queried: int | None
    preemptions: int | None
    drafts: int | None
    accepted: int | None
    busy: int | None
    resets: tuple[str, ...]


def difference(
    before: Values | None, after: Values | None, profiles: Sequence[EngineProfile] = BUILTIN
) -> Counters | None:
    """Subtract two scrapes; None when either is missing or no engine of `profiles` wrote them."""
    if before is None or after is None:
        return None
    profile = next((each for each in profiles if each.counters and _writes(each.counters, after)), None)
    if profile is None or profile.counters is None:
        return None
    names = profile.counters
    resets = [name for name in names.all() if after.get(name, 0.0) < before.get(name, 0.0)]
    if before.get(START_TIME) != after.get(START_TIME):
        resets.append(START_TIME)
    moved = _Moved(before, after, void=bool(resets))
    drafts = moved.counter(names.drafts)
    ruler = _rate(names, moved, speculative=bool(drafts))
    busy = [after[name] for name in names.busy if name in after]
    cached = moved.counter(names.cached)
    prompt = moved.counter(names.prompt)
    if names.prompt_is_uncached:
        prompt = None if prompt is None or cached is None else prompt + cached
    return Counters(
        engine=profile.engine,
        generated=moved.counter(names.generated),
        requests=moved.counter(names.requests),
        prompt=prompt,
        decoded=moved.counter((ruler.tokens,)) if ruler else None,
        firsts=(moved.counter((ruler.firsts,)) if ruler.firsts else 0) if ruler and ruler.firsts is not None else None,
        decode_s=moved.seconds(ruler) if ruler else None,
        cached=cached,
        queried=moved.counter(names.queried) if names.queried else prompt,
        preemptions=0 if names.never_preempts else moved.counter(names.preemptions),
        drafts=drafts,
        accepted=moved.counter(names.accepted),
        busy=round(sum(busy)) if busy else None,
        resets=tuple(resets),
    )


@dataclass(frozen=True)
class _Moved:
    """Two scrapes, subtracted name by name."""

    before: Values
    after: Values
    void: bool

    def of(self, name: str) -> float | None:
        if self.void or name not in self.before or name not in self.after:
            return None
        return self.after[name] - self.before[name]

    def counter(self, aliases: tuple[str, ...]) -> int | None:
        """By the first of several names that the engine uses."""
        name = next((name for name in aliases if name in self.after), None)
        value = None if name is None else self.of(name)
        return None if value is None else round(value)

    def seconds(self, ruler: DecodeRate) -> float | None:
        total, less = self.of(ruler.seconds), self.of(ruler.seconds_less) if ruler.seconds_less else 0.0
        return None if total is None or less is None else total - less


def _writes(names: CounterNames, values: Values) -> bool:
    return any(name in values for name in names.generated)


def _rate(names: CounterNames, moved: _Moved, *, speculative: bool) -> DecodeRate | None:
    """The first way to the decode rate of which every part is there."""
    for ruler in names.rates:
        needed = [name for name in (ruler.tokens, ruler.firsts, ruler.seconds, ruler.seconds_less) if name]
        if all(moved.of(name) is not None for name in needed) and not (ruler.by_event and speculative):
            return ruler
    return None
