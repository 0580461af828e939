"""Judges each piece of evidence as it falls, so that the live view can show outcomes while the trial goes on."""

from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import RunRecord
from onbox.judge.runs.attribution import attribute
from onbox.judge.runs.run_context import TrialContext
from onbox.judge.speed.measurement import load, measure


class JudgingObserver:
    """What a live view knows of outcomes: the judge's own words for each run and measurement."""

    def __init__(self) -> None:
        self._measured_tok_s: dict[str, float | None] = {}

    def run(self, folder: TrialFolder, record: RunRecord) -> tuple[str, str]:
        """(outcome, code) of a finished run."""
        if record.contender not in self._measured_tok_s:
            self.speed(folder, record.contender)
        context = TrialContext(folder, folder.plan(), record.contender)
        path = folder.run_folder(record.contender, record.task, record.arm, record.n)
        exchanges = folder.exchanges(path / "wire.jsonl")
        result = attribute(record, exchanges, context.of(record, self._measured_tok_s[record.contender]))
        return result.outcome.value, result.code

    def speed(self, folder: TrialFolder, contender: str) -> tuple[float | None, str]:
        """(tok/s, status) of a finished measurement."""
        evidence = load(folder, contender)
        if evidence is None:
            self._measured_tok_s[contender] = None
            return None, "invalid"
        result = measure(evidence)
        self._measured_tok_s[contender] = result.decode_tok_s
        return result.decode_tok_s, result.status.value
