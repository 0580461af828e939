"""A decode measurement after its streams were read and its counters subtracted, before any rule is applied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onbox.evidence.records import CpuWindow, Exchange, PreflightCase, SpeedRecord
from onbox.judge.estimator import Sample
from onbox.judge.metrics import Counters
from onbox.judge.results import Witness


@dataclass(frozen=True)
class Seen:
    """What the checks look at; `samples` are the measured requests."""

    where: str
    run: SpeedRecord
    exchanges: Sequence[Exchange]
    samples: Sequence[Sample]
    warmups: Sequence[Sample]
    counters: Counters | None
    witnesses: Sequence[Witness]
    cpu: Mapping[int, CpuWindow]
    coherence: PreflightCase | None
