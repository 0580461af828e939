"""More runs than a trial was planned with: a look that nobody had planned, kept in its ledger."""

from onbox.errors import UsageError
from onbox.evidence.extent import looks_made, runs_asked
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import RUNS_MAX, LedgerKind


def check_more(folder: TrialFolder, runs: int) -> None:
    """Refuse what is not more.

    Raises:
        UsageError: so many runs were asked for already, or are too many.
    """
    before = runs_asked(folder.plan(), folder.ledger())
    if runs <= before:
        raise UsageError(
            f"--runs: {runs}: the trial has {before} runs of each task", "give a larger number, or leave it out"
        )
    if runs > RUNS_MAX:
        raise UsageError(f"--runs: {runs} is more than {RUNS_MAX}", "no verdict needs so many")


def extend(folder: TrialFolder, runs: int) -> None:
    """Write down that more runs are asked for, and that what was there had been judged."""
    before = runs_asked(folder.plan(), folder.ledger())
    if before not in looks_made(folder.ledger()):
        folder.note(LedgerKind.LOOKED, ".", f"after {before} runs of each task", runs=before)
    folder.note(LedgerKind.EXTENDED, ".", f"from {before} to {runs} runs of each task", runs=runs)
