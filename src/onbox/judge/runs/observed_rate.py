"""How fast a server decoded during a run, beside the rate that it was calibrated to.

A run that had others beside it on its engine has another usual rate than one alone: they share each step, and the
prompts of the others are read between its tokens. So the two kinds are never held against each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from onbox.evidence.decode_rate import Sample, pooled_tok_s
from onbox.judge.results import Measurement, RunResult

TOKENS_MIN = 32
"""Fewer tokens than this hold no rate."""
RUNS_MIN = 3
"""Fewer runs than this calibrate nothing."""


def observed_tok_s(samples: Sequence[Sample]) -> float | None:
    """Tokens over seconds of decoding, pooled over the answers of a run; None when there are too few.

    Of a stream that was cut off before it told its usage, the visible events are counted.
    """
    pairs = [decoded for sample in samples if (decoded := sample.decoded)]
    return pooled_tok_s(pairs) if sum(tokens for tokens, _ in pairs) >= TOKENS_MIN else None


@dataclass(frozen=True)
class UsualRate:
    """A rate to hold a slow run against.

    Args:
        tok_s: of the server.
        relative: its uncertainty; 0 of a median over runs, whose spread is the runs' own.
    """

    tok_s: float
    relative: float = 0.0

    @property
    def most_tok_s(self) -> float:
        """What the server may really decode at: nobody is blamed for what may be the server's."""
        return self.tok_s * (1 + self.relative)


@dataclass(frozen=True)
class UsualRates:
    """The rates to hold a slow run against; None where nobody knows one."""

    alone: UsualRate | None
    beside_others: UsualRate | None

    def of(self, run: RunResult) -> UsualRate | None:
        """The one that is fair to a run."""
        return self.beside_others if run.beside else self.alone


def usual_rates(speed: Measurement | None, runs: Sequence[tuple[RunResult, float | None]], parallel: int) -> UsualRates:
    """What is usual of a contender's server.

    Of a run alone: the measured rate, else the median over the contender's own runs alone. Of a run beside others: the
    median over its own runs beside others, for the measurement with as many requests at a time knows no prompts of
    neighbours; else that measurement.

    Args:
        speed: of the contender; None when it was not measured.
        runs: with the observed rate of each.
        parallel: runs at a time, by the plan.
    """
    cells = speed.cells if speed else ()
    measured = next((rate_of(cell) for cell in cells if cell.profile["concurrency"] == parallel), None)
    beside_others = _median([rate for run, rate in runs if run.beside])
    return UsualRates(
        alone=rate_of(speed) or _median([rate for run, rate in runs if not run.beside]),
        beside_others=measured if beside_others is None else beside_others,
    )


def usual_of_each_node(
    speed: Measurement | None, runs: Sequence[tuple[RunResult, float | None]], parallel: int
) -> dict[str, UsualRates]:
    """What is usual of a contender's server on each box that it ran on, by the node's name.

    The measurement was made on the trial's own box and holds for no other.
    """
    return {
        node: usual_rates(None if node else speed, [each for each in runs if each[0].node == node], parallel)
        for node in {run.node for run, _ in runs}
    }


def rate_of(speed: Measurement | None) -> UsualRate | None:
    """What was measured; None: there is no such rate."""
    if speed is None or speed.decode_tok_s is None:
        return None
    return UsualRate(speed.decode_tok_s, speed.uncertainty.relative if speed.uncertainty else 0.0)


def _median(runs: Sequence[float | None]) -> UsualRate | None:
    rates = [rate for rate in runs if rate is not None]
    return UsualRate(median(rates)) if len(rates) >= RUNS_MIN else None
