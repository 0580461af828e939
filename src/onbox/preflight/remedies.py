"""What helps against which trouble; the advice itself is in the package of each engine."""

from onbox.engines.base import Advice, Trouble
from onbox.engines.served import RunningServer

__all__ = ["Trouble", "remedy"]


def remedy(trouble: Trouble, served: RunningServer | None, model: str) -> str:
    """The option that helps against a trouble; empty where none is known.

    Args:
        trouble: what is wrong.
        served: the server; None where it is not known.
        model: the model's names, by which its family is told.
    """
    facts = served.facts if served else None
    if served is None or facts is None or facts.advice is None:
        return ""
    return facts.advice(Advice(trouble, served.version, model, served.options))
