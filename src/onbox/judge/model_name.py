"""Is the model that answered the one that was asked for, as far as the server's list of models says?"""

from onbox.evidence.records import PreflightCase
from onbox.judge.rule import Subject, finding, rule
from onbox.schema.checks import Check, Status


@rule("MODEL_NAME", Subject.SERVER)
def model_name(contender: str, case: PreflightCase | None) -> tuple[Check, ...]:
    """The server lists the model that was asked for; a check that is there only where it does not."""
    if case is None or case.status != Status.WARN:
        return ()
    return (
        finding(
            status=Status.WARN,
            observed=case.detail,
            threshold="the server lists the model",
            evidence=f"{contender}/preflight.json",
            hint=f"{case.detail}; numbers of {contender} may be those of another model: {case.remedy}",
        ),
    )
