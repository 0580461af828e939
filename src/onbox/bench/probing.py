"""The sandbox of a trial, chosen and probed once before the first run."""

from onbox.bench.sandbox import Sandbox
from onbox.bench.sandbox.choose import by_name, choose
from onbox.bench.sandbox.probes import probe
from onbox.evidence.records import SandboxReport


def sandbox_of(name: str | None) -> tuple[Sandbox, SandboxReport]:
    """The sandbox tier of a plan and how it stands its probes now.

    Args:
        name: of the tier; None, for a plan without tasks, takes whichever works.

    Raises:
        BoxError: that tier does not work here (any more).
    """
    sandbox = choose() if name is None else by_name(name)
    return sandbox, probe(sandbox)
