"""A summary of one run: all that the verdict needs of it, so that what was recorded can be let go.

A summary depends on the run and on what is known of its contender beforehand, and on no other run's bytes. So they can
be made one after the other, in any order and in several processes, and a trial of any length fits into memory. The
usual rate of a server is known only after all of them, and may turn what a summary says (`held_to_rate`).
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from onbox.evidence.decode_rate import Sample
from onbox.evidence.records import FaultKind, LedgerEntry, Plan, RunRecord, SandboxReport
from onbox.evidence.trial_evidence import ContenderEvidence, RunEvidence
from onbox.judge.results import RunResult
from onbox.judge.runs.attribution import attribute_samples, held_to_rate, samples_of
from onbox.judge.runs.isolation import bears, has_mark
from onbox.judge.runs.observed_rate import observed_tok_s
from onbox.judge.runs.run_context import TrialContext

__all__ = ["RunSummarizer", "RunSummary", "held_to_rate", "planted_words"]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What one run shows by itself, and all that the verdict needs of it: neither record nor wire is held with it.

    Args:
        result: what it means, where its server decoded at its usual rate.
        answers_sha256: a hash over every answer, without ids, dates and timings: two runs with the
            same one said the same, word for word; None when an answer broke, so that nothing can be compared.
        bears: the treatments whose marks its requests show; of its own arm, its own mark.
        observed_tok_s: the rate at which its server decoded; None where too little came.
        instance_sha256: of the files that its seed gave; empty: unknown.
        sandbox: that it was in.
        harness_fault: of onbox itself that broke it off, in words; None: there was none.
    """

    result: RunResult
    answers_sha256: str | None
    bears: frozenset[str]
    observed_tok_s: float | None
    instance_sha256: str
    sandbox: SandboxReport
    harness_fault: str | None


class RunSummarizer:
    """Summarizes the runs of one contender.

    Args:
        plan: of the trial.
        ledger: of the trial.
        contender: of it.
        canaries: words that were planted in its runs, by arm.
    """

    def __init__(
        self,
        plan: Plan,
        ledger: Sequence[LedgerEntry],
        contender: ContenderEvidence,
        canaries: Mapping[str, Collection[str]],
    ) -> None:
        self._plan = plan
        self._context = TrialContext(plan, ledger, contender.lives)
        self._tasks = {task.name for task in plan.tasks}
        self._canaries = canaries

    def planned(self, record: RunRecord) -> bool:
        """Whether the plan asks for a run; no other is judged."""
        return record.task in self._tasks and record.arm in self._plan.arms and record.n <= self._plan.runs

    def summarize(self, run: RunEvidence, samples: Sequence[Sample] | None = None) -> RunSummary:
        """Summarize one run.

        Args:
            run: with what was recorded.
            samples: its answers, where they were read already.
        """
        read = samples_of(run.exchanges) if samples is None else samples
        result = attribute_samples(run.record, run.exchanges, read, self._context.of(run))
        record = run.record
        return RunSummary(
            result=result,
            answers_sha256=_answers_sha256(read),
            bears=self._bears(run),
            observed_tok_s=observed_tok_s(read),
            instance_sha256=record.instance_sha256,
            sandbox=record.sandbox,
            harness_fault=record.fault if record.fault_kind is FaultKind.HARNESS else None,
        )

    def _bears(self, run: RunEvidence) -> frozenset[str]:
        own, exchanges = run.record.arm, run.exchanges
        return frozenset(
            arm.name
            for arm in self._plan.treatments
            if has_mark(arm)
            and bears(arm, [run.record.canary] if arm.name == own else self._canaries.get(arm.name, ()), exchanges)
        )


def planted_words(records: Iterable[RunRecord]) -> Mapping[str, Collection[str]]:
    """The canaries of runs, by arm."""
    found: dict[str, set[str]] = defaultdict(set)
    for record in records:
        found[record.arm].update({record.canary} - {""})
    return found


def _answers_sha256(samples: Sequence[Sample]) -> str | None:
    """All that the model said in a run; ids, dates and timings differ even when a model repeats itself to the byte."""
    replies = [sample.reply for sample in samples]
    if not replies or any(reply.error for reply in replies):
        return None
    words = [
        (reply.content, reply.reasoning, [(call.name, call.arguments) for call in reply.tool_calls])
        for reply in replies
    ]
    return hashlib.sha256(repr(words).encode("utf-8", "surrogatepass")).hexdigest()
