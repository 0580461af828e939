"""The sandbox of a trial, chosen and probed once before the first run."""

from onbox.bench.sandbox import Sandbox
from onbox.bench.sandbox.choose import by_name
from onbox.bench.sandbox.none import Unsafe
from onbox.bench.sandbox.probes import probe
from onbox.evidence.records import SandboxReport


def sandbox_of(name: str | None) -> tuple[Sandbox, SandboxReport]:
    """The sandbox tier of a plan and how it stands its probes now.

    Args:
        name: of the tier; None for a plan without tasks: it runs no command, so that a box without a sandbox will do.

    Raises:
        BoxError: that tier does not work here (any more).
    """
    if name is None:
        return Unsafe(), SandboxReport(name=Unsafe.name)
    sandbox = by_name(name)
    return sandbox, probe(sandbox)
