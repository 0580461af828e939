"""What is known of a contender beside its passes: its times, its memory, its eyes, its context."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from onbox.evidence.records import OwnerValues
from onbox.evidence.trial_evidence import ContenderEvidence
from onbox.judge.verdict.speed_ratio import TimedRuns

MET, MISSED, UNKNOWN = "met", "missed", "unknown"
GB = 1e9


@dataclass(frozen=True)
class ContenderFacts:
    """What was seen of one contender; None is never a default, it is what nobody saw.

    Args:
        seconds: of each valid run of the baseline, by (task, number).
        independent: share of these runs that are no copies of another.
        memory_bytes: the most that its engine held while it came up.
        free_bytes: the least that was available on the box meanwhile.
        sees: whether pictures are read.
        context_tokens: that it is served with.
    """

    seconds: TimedRuns = field(default_factory=dict)
    independent: float = 1.0
    memory_bytes: int | None = None
    free_bytes: int | None = None
    sees: bool | None = None
    context_tokens: int | None = None

    @property
    def seconds_a_run(self) -> float | None:
        """Mean over tasks of the mean time of a run; None without one."""
        tasks: dict[str, list[float]] = {}
        for (task, _), seconds in self.seconds.items():
            tasks.setdefault(task, []).append(seconds)
        means = [sum(each) / len(each) for each in tasks.values()]
        return sum(means) / len(means) if means else None


def facts_of(contender: ContenderEvidence, seconds: TimedRuns, independent: float, sees: bool | None) -> ContenderFacts:
    """Collect them from the last stand-up, beside what was judged already."""
    life = contender.last_life
    phases = life.phases if life else ()
    held = [phase.peak_bytes for phase in phases if phase.peak_bytes]
    free = [phase.available_min_bytes for phase in phases if phase.available_min_bytes is not None]
    # The least that was available is known only if it was looked at while the weights were there.
    complete = bool(phases) and phases[-1].available_min_bytes is not None
    props = life.props if life else {}
    context = next((n for name in ("max_model_len", "n_ctx") if isinstance(n := props.get(name), int) and n > 0), None)
    return ContenderFacts(
        seconds=seconds,
        independent=independent,
        memory_bytes=max(held) if held else None,
        free_bytes=min(free) if complete else None,
        sees=sees,
        context_tokens=context,
    )


def demands(values: OwnerValues, facts: ContenderFacts) -> Mapping[str, str]:
    """What the owner demands, and whether a contender has it: met, missed or unknown; in the order of the values."""
    found: dict[str, str] = {}
    if values.memory_free_gb is not None:
        enough = None if facts.free_bytes is None else facts.free_bytes >= values.memory_free_gb * GB
        found["memory_free_gb"] = _condition_text(enough)
    if values.must_see:
        found["must_see"] = _condition_text(facts.sees)
    if values.context_tokens is not None:
        enough = None if facts.context_tokens is None else facts.context_tokens >= values.context_tokens
        found["context_tokens"] = _condition_text(enough)
    return found


def _condition_text(has: bool | None) -> str:
    return UNKNOWN if has is None else MET if has else MISSED
