"""Judges each piece of evidence as it falls, so that the live view can show outcomes while the trial goes on."""

from collections.abc import Sequence

from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import load_lives, load_run, load_speed
from onbox.evidence.records import RunRecord
from onbox.judge.intervals import ratio_half_width
from onbox.judge.runs.attribution import attribute
from onbox.judge.runs.observed_rate import UsualRate, rate_of
from onbox.judge.runs.run_context import TrialContext
from onbox.judge.speed.measurement import measure


class LiveJudge:
    """What a live view knows of outcomes: the judge's own words for each run and measurement."""

    def __init__(self) -> None:
        self._measured: dict[str, UsualRate | None] = {}

    def run(self, folder: TrialFolder, record: RunRecord) -> tuple[str, str]:
        """(outcome, code) of a finished run."""
        if record.contender not in self._measured:
            self.speed(folder, record.contender)
        context = TrialContext(folder.plan(), folder.ledger(), load_lives(folder, record.contender))
        run = load_run(folder, record)
        result = attribute(record, run.exchanges, context.of(run, self._measured[record.contender]))
        return result.outcome.value, result.code

    def half_width(self, pairs: Sequence[tuple[float, float]]) -> float | None:
        """How sure a ratio is by the scatter of its requests."""
        return ratio_half_width(pairs)

    def speed(self, folder: TrialFolder, contender: str) -> tuple[float | None, str]:
        """(tok/s, status) of a finished measurement."""
        evidence = load_speed(folder, contender)
        if evidence is None:
            self._measured[contender] = None
            return None, "invalid"
        result = measure(evidence)
        self._measured[contender] = rate_of(result)
        return result.decode_tok_s, result.status.value
