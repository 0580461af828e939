"""Was the measurement struck out? Asked only of one that was."""

from onbox.judge.formatting import sentence
from onbox.judge.rule import Subject, finding, rule
from onbox.schema.checks import Check, Status


@rule("LEDGER", Subject.LEDGER, hard=True)
def struck_out(reason: str) -> Check:
    """The ledger does not strike the measurement out."""
    return finding(
        status=Status.FAIL,
        observed=reason,
        threshold=None,
        evidence="ledger.jsonl",
        hint=sentence(f"the ledger strikes it out: {reason}"),
    )
