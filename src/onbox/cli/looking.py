"""Judges each piece of evidence as it falls, so that the live view can show outcomes while the trial goes on."""

from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import RunRecord
from onbox.judge.attribution import attribute
from onbox.judge.speed import load, measure


class Judging:
    """What the live view knows of outcomes: the judge's own words for each run and measurement."""

    def run(self, folder: TrialFolder, record: RunRecord) -> tuple[str, str]:
        """(outcome, code) of a finished run."""
        path = folder.run_folder(record.contender, record.task, record.arm, record.n)
        result = attribute(record, folder.exchanges(path / "wire.jsonl"))
        return result.outcome.value, result.code

    def speed(self, folder: TrialFolder, contender: str) -> tuple[float | None, str]:
        """(tok/s, status) of a finished measurement."""
        evidence = load(folder, contender)
        if evidence is None:
            return None, "invalid"
        result = measure(evidence)
        return result.decode_tok_s, result.status.value
