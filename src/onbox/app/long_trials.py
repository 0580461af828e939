"""Judges a trial run by run, so that a long one needs neither memory for all of it nor one processor for all of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from onbox.app.parallel_work import spread
from onbox.errors import OnboxError, UsageError
from onbox.evidence.claims import Claim
from onbox.evidence.decode_rate import Sample
from onbox.evidence.extent import plan_at_look
from onbox.evidence.folder import RunPlace, TrialFolder
from onbox.evidence.load import load_run, load_trial
from onbox.evidence.records import Plan, SandboxReport
from onbox.evidence.trial_evidence import RunEvidence
from onbox.judge.results import Verdict
from onbox.judge.runs.attribution import samples_of
from onbox.judge.runs.run_summary import RunSummarizer, RunSummary, planted_words
from onbox.judge.verdict.trial import judge

T = TypeVar("T")
RUNS_A_TASK = 50
RUNS_MIN = 200
"""Of fewer, one process is as fast as two."""


@dataclass(frozen=True)
class LongTrial(Generic[T]):
    """A trial that was read to its end.

    Args:
        verdict: on it.
        further: (folder, what was asked beside the verdict) of each recorded run, in the order of contenders and runs.
    """

    verdict: Verdict
    further: tuple[tuple[str, T], ...]


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

    Neither the record of a run nor its exchanges are held once it was summarized, here or in another process.

    Args:
        trial: to read.
        ask: with a run and its answers, as they were read; what it returns can be pickled.
        claims: published rates beside those of the evidence.

    Raises:
        UsageError: a record cannot be read; the message names the file and the field.
    """
    evidence = load_trial(trial, runs=False)
    plan = plan_at_look(evidence.plan, evidence.ledger)
    places = {each.plan.name: trial.run_places(each.plan.name) for each in evidence.contenders}
    runs = [(contender, place) for contender, found in places.items() for place in found]
    summarizers = {
        each.plan.name: RunSummarizer(
            plan, evidence.ledger, each, _planted(trial, plan, each.plan.name, places[each.plan.name])
        )
        for each in evidence.contenders
    }
    alike: dict[str, SandboxReport] = {}

    def one(run: tuple[str, RunPlace]) -> tuple[RunSummary | None, T] | str:
        contender, place = run
        try:
            whole = load_run(trial, trial.run(contender, place, alike))
            samples, summarizer = samples_of(whole.exchanges), summarizers[contender]
            summary = summarizer.summarize(whole, samples) if summarizer.planned(whole.record) else None
            return summary, ask(whole, samples)
        except OnboxError as error:
            return error.message

    summaries: dict[str, list[RunSummary]] = {contender: [] for contender in places}
    further = []
    for (contender, place), found in zip(
        runs, spread(one, runs, worth_it=len(runs) >= RUNS_MIN, at_a_time=RUNS_A_TASK), strict=True
    ):
        if isinstance(found, str):
            raise UsageError(found)
        if found[0] is not None:
            summaries[contender].append(found[0])
        task, arm, n = place
        further.append((f"{contender}/runs/{task}/{arm}/{n}", found[1]))
    return LongTrial(judge(evidence, claims, summaries), tuple(further))


def _planted(
    trial: TrialFolder, plan: Plan, contender: str, places: Sequence[RunPlace]
) -> Mapping[str, Collection[str]]:
    """The words that were planted in the runs of a contender, by arm; without an arm that has rules there are none."""
    if not any(arm.rules for arm in plan.treatments):
        return {}
    alike: dict[str, SandboxReport] = {}
    return planted_words(trial.run(contender, place, alike) for place in places)
