"""The verdict of a trial, from its evidence alone."""

from collections.abc import Sequence
from pathlib import Path

from onbox.app import imports
from onbox.app.long_trials import judge_folder
from onbox.app.parallel_work import without_collections
from onbox.app.verifying import Verification, verify_trial
from onbox.evidence.claims import Claim
from onbox.evidence.claims_file import read_claims
from onbox.evidence.folder import TrialFolder
from onbox.judge.results import Verdict

__all__ = ["Verification", "judge_trial", "verify_trial"]


@without_collections()
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
    return judge_folder(TrialFolder.open(Path(folder)), published)
