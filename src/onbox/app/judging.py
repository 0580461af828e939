"""The verdict of a trial, from its evidence alone; and whether the evidence is what was sealed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onbox.app import imports
from onbox.errors import BadSubjectError
from onbox.evidence.claims import Claim, read_claims
from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import load_trial
from onbox.evidence.manifest import mismatches
from onbox.judge.results import Verdict
from onbox.judge.verdict.trial import judge

SHOWN = 5


def judge_trial(folder: Path | str, *, claims: Sequence[Claim] | Path = (), incumbent: str = "") -> Verdict:
    """Judge the trial, or the imported runs, in a folder again; nothing is written.

    Args:
        folder: of the trial, or of an import.
        claims: published rates to compare with, or their file.
        incumbent: of imported runs, the model that the owner runs now.

    Raises:
        UsageError: it is no trial, or a file is malformed.
    """
    if imports.is_import(Path(folder)):
        return imports.judge_again(Path(folder), incumbent)[0]
    published = read_claims(claims).claims if isinstance(claims, Path) else claims
    return judge(load_trial(TrialFolder.open(Path(folder))), published)


@dataclass(frozen=True)
class Verification:
    """What a check of a trial's hashes and of its verdict found.

    Args:
        folder: of the trial.
        mismatches: (file, problem) of each difference; none where all holds.
    """

    folder: Path
    mismatches: tuple[tuple[str, str], ...]

    def check(self) -> None:
        """Do nothing where all holds.

        Raises:
            BadSubjectError: a file has changed, or the verdict does not follow from the evidence.
        """
        if self.mismatches:
            lines = "; ".join(f"{file}: {problem}" for file, problem in self.mismatches[:SHOWN])
            more = f"; and {len(self.mismatches) - SHOWN} more" if len(self.mismatches) > SHOWN else ""
            raise BadSubjectError(f"{self.folder}: does not verify: {lines}{more}")


def verify_trial(folder: Path | str) -> Verification:
    """Check that no file of a trial has changed, and that its verdict follows from its evidence.

    Raises:
        UsageError: it is no trial, or was not finished.
    """
    folder = Path(folder)
    if imports.is_import(folder):
        return Verification(folder, tuple(mismatches(folder)) or imports.not_recomputed(folder))
    trial = TrialFolder.open(folder)
    found = tuple(mismatches(folder)) or tuple(_recomputed(trial))
    return Verification(folder, found)


def _recomputed(trial: TrialFolder) -> list[tuple[str, str]]:
    """What differs between the verdict that is written and the one that the evidence gives now."""
    written = json.loads((trial.path / "verdict.json").read_text("utf-8"))
    computed = judge(load_trial(trial)).model_dump(mode="json")
    return [
        ("verdict.json", f"{key} does not follow from the evidence")
        for key in sorted({*written, *computed})
        if written.get(key) != json.loads(json.dumps(computed.get(key)))
    ]
