"""What the judge says of contenders in pairs and all together: shapes of `verdict.json`."""

from enum import StrEnum

from onbox.evidence.records import Record


class Ability(StrEnum):
    """The challenger's pass rate beside the incumbent's."""

    BETTER = "better"
    WORSE = "worse"
    EQUAL = "equal"
    """Within the margin, shown from both sides."""
    NO_BETTER = "no better"
    """Not better by more than the margin; how much worse is not shown."""
    NO_WORSE = "no worse"
    UNKNOWN = "unknown"


class Pace(StrEnum):
    """The challenger's time beside the incumbent's."""

    FASTER = "faster"
    SLOWER = "slower"
    EQUAL = "equal"
    """Within the margin, shown from both sides."""
    UNKNOWN = "unknown"


class Basis(StrEnum):
    """What a verdict on a pair rests on."""

    ABILITY = "ability"
    WORTH = "ability and time, by what a minute is worth"
    SPEED = "speed"
    MEMORY = "memory"
    SIGHT = "sight"
    DEMAND = "what it must have"
    EQUAL = "equal"
    """No better, and not faster: shown."""
    NOTHING = "nothing is shown"


class PairResult(Record):
    """Two contenders, compared."""

    old: str
    """The incumbent, or, of two challengers, the one that the plan names first."""
    new: str
    difference: float | None
    """Pass rate of `new` minus that of `old`; None: not both have runs."""
    difference_interval: tuple[float, float] | None
    """At `confidence`."""
    p: float | None
    """Chance of so large a difference on these tasks, adjusted for all pairs of the table (Holm)."""
    ability: Ability
    time_ratio: float | None
    """Time of the same work, `new` over `old`: below 1 is faster; None: too few runs with the same task and seed."""
    time_interval: tuple[float, float] | None
    """At `confidence`."""
    time_pairs: int
    """Runs with the same task and seed behind it."""
    pace: Pace
    confidence: float
    """Of both intervals, so that it holds for all pairs of the table together (Bonferroni)."""
    verdict: str | None
    """`keep`, `switch` or `undecided`; None where neither is the incumbent."""
    basis: Basis | None
    losses: tuple[str, ...] = ()
    """What a switch gives up, in words."""


class Standing(Record):
    """A contender among all others: a point of the picture of ability, time and memory."""

    name: str
    pass_rate: float | None
    seconds_a_run: float | None
    """Mean over tasks of the time of a run."""
    memory_bytes: int | None
    """The most that its engine held during its start; None: not observed."""
    free_bytes: int | None
    """The least that was available on the box during that time."""
    sees: bool | None
    """Whether it sees pictures; None: not tested."""
    context_tokens: int | None
    """The context with which it is served; None: the server does not report it."""
    demands: dict[str, str]
    """Whether the requirements are `met`, `missed` or `unknown`."""
    dominated_by: tuple[str, ...]
    """Contenders shown to be no worse in anything that is known and better in something; empty: on the frontier."""


class QuantRow(Record):
    """A quant of a model beside the largest of its quants."""

    name: str
    bytes: int | None
    """Of its tensors; None: not known when the plan was frozen."""
    bits_per_weight: float | None
    types: dict[str, float]
    """Share of the parameters that each type of number holds."""
    passed: int
    valid: int
    loss: float | None
    """Pass rate of the largest minus its own; None: it is the largest, or nothing to compare."""
    loss_interval: tuple[float, float] | None
    """At `confidence`."""
    lost: int
    """Pairs with the same task and seed in which only the largest passed."""
    won: int
    """Pairs in which only this one passed."""
    p: float | None
    """Chance of so uneven a split of these pairs, adjusted for the number of quants (Holm); None: no pair differs."""
    said: str
    """`largest`, `loss`, `gain`, `no loss within the margin` or `open`."""
    time_ratio: float | None
    """Time for the same work, divided by that of the largest."""
    time_interval: tuple[float, float] | None
    """At `confidence`."""
    confidence: float
    """Of both intervals, so that it holds for all rows together (Bonferroni)."""
    decode_tok_s: float | None
    """None: not measured, or no valid number."""
    decode_interval: tuple[float, float] | None
    """95 percent."""
    memory_bytes: int | None
    """The most that its engine held during its start; None: not observed."""
    sees: bool | None
    """Whether it sees pictures; None: not tested."""


class InterimLook(Record):
    """One time that the trial was judged."""

    runs: int
    """Of each task by each contender, at that look."""
    level: float
    """A difference counted as unlikely to be chance if its p was below this."""
    planned: bool
    """Whether it was in the plan before the first measurement."""


class InterimLooks(Record):
    """How often the question was looked at, and what each look had to show."""

    rule: str
    """`one look`, `obrien-fleming` or `e-process`."""
    made: tuple[InterimLook, ...]
    """Up to the one that this verdict is of."""
    planned: tuple[int, ...]
    """Runs of each task at each look of the plan."""
    level: float
    """Of this verdict: the value that p had to be below."""
    interval_level: float
    """Of this verdict: how often an interval may be wrong; less than `level` where that is of an e-process."""
    error_bound: float
    """At most how often all looks and trials together, including this one, find a difference that does not exist."""
    forerunners: tuple[str, ...]
    """Earlier trials in the same folder with the same question."""
    e_value: float | None = None
    """Evidence against "both pass equally often" that is valid at any time; None: not planned."""
