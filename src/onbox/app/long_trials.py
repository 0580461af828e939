"""Judges a trial run by run, so that a long one needs neither memory for all of it nor one processor for all of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from onbox.app.spread import spread
from onbox.errors import OnboxError, UsageError
from onbox.evidence.claims import Claim
from onbox.evidence.decode_rate import Sample
from onbox.evidence.extent import plan_at_look
from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import RunEvidence, TrialEvidence, load_run, load_trial
from onbox.judge.results import Verdict
from onbox.judge.runs.attribution import samples_of
from onbox.judge.runs.run_summary import RunSummarizer, RunSummary
from onbox.judge.verdict.trial import judge

T = TypeVar("T")
RUNS_A_TASK = 50
RUNS_MIN = 200
"""Of fewer, one process is as fast as two."""


@dataclass(frozen=True)
class LongTrial(Generic[T]):
    """A trial that was read to its end.

    Args:
        evidence: the records, without the exchanges of runs.
        verdict: on it.
        further: (run, what was asked of it beside the look) of each recorded run, in the order of contenders and runs.
    """

    evidence: TrialEvidence
    verdict: Verdict
    further: tuple[tuple[RunEvidence, T], ...]


def judge_folder(trial: TrialFolder, claims: Sequence[Claim] = ()) -> Verdict:
    """The verdict on the trial in a folder.

    Raises:
        UsageError: a record cannot be read; the message names the file and the field.
    """
    return read_folder(trial, lambda run, samples: None, claims).verdict


def read_folder(
    trial: TrialFolder, ask: Callable[[RunEvidence, Sequence[Sample]], T], claims: Sequence[Claim] = ()
) -> LongTrial[T]:
    """Read each run once, judge, and ask something more of each.

    Args:
        trial: to read.
        ask: with a run and its answers, as they were read; what it returns can be pickled.
        claims: published rates beside those of the evidence.

    Raises:
        UsageError: a record cannot be read; the message names the file and the field.
    """
    evidence = load_trial(trial, wires=False)
    plan = plan_at_look(evidence.plan, evidence.ledger)
    summarizers = [RunSummarizer(plan, evidence.ledger, contender) for contender in evidence.contenders]
    runs = [(n, run) for n, contender in enumerate(evidence.contenders) for run in contender.runs]

    def one(item: tuple[int, RunEvidence]) -> tuple[RunSummary | None, T] | str:
        number, run = item
        try:
            whole = load_run(trial, run.record)
            samples = samples_of(whole.exchanges)
            summary = summarizers[number].summarize(whole, samples) if summarizers[number].planned(run.record) else None
            return summary, ask(whole, samples)
        except OnboxError as error:
            return error.message

    summaries: dict[str, list[RunSummary]] = {contender.plan.name: [] for contender in evidence.contenders}
    further = []
    for (number, run), found in zip(
        runs, spread(one, runs, worth_it=len(runs) >= RUNS_MIN, at_a_time=RUNS_A_TASK), strict=True
    ):
        if isinstance(found, str):
            raise UsageError(found)
        if found[0] is not None:
            summaries[evidence.contenders[number].plan.name].append(found[0])
        further.append((run, found[1]))
    return LongTrial(evidence, judge(evidence, claims, summaries), tuple(further))
