"""The verdict on a folder, as `onbox judge` computes it."""

from collections.abc import Sequence

from onbox.evidence.claims import Claim
from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import load_trial
from onbox.judge.results import Verdict
from onbox.judge.verdict import trial


def judge(folder: TrialFolder, claims: Sequence[Claim] = ()) -> Verdict:
    """Judge the trial in a folder."""
    return trial.judge(load_trial(folder), claims)
