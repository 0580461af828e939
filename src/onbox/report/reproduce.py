"""The commands that lead to the same numbers again."""

import hashlib
import re
import shlex
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from onbox import __version__
from onbox.evidence.records import StandUp
from onbox.judge import RULES
from onbox.report.page import Page


@dataclass(frozen=True)
class ReproduceCommand:
    """One line for a shell and what it is good for."""

    line: str
    does: str


def commands(page: Page) -> tuple[ReproduceCommand, ...]:
    """From the cheapest proof to the dearest, in the folder of the trial; all but the last need no engine."""
    against = f" --against {page.seal}" if page.seal else ""
    return (
        ReproduceCommand(f"onbox verify .{against}", "checks every file's hash and computes every number again"),
        ReproduceCommand("onbox judge .", "computes the verdict from the evidence alone"),
        ReproduceCommand("onbox trial plan.yaml", "measures all of it again, with the same seeds"),
    )


def engine_command(stand_up: StandUp) -> str:
    """The exact command line of an engine; empty where onbox did not start it."""
    return shlex.join(stand_up.argv)


def sealed(seal: str) -> str:
    """The line at a report's foot: the seal of its evidence, and what made the report; empty without a seal."""
    return f"{SEAL_WORDS} {seal} ({MAKER_WORDS} {maker()})" if seal else ""


SEAL_WORDS = "Seal of the evidence (SHA-256):"
MAKER_WORDS = "reports of the make"
_FOOT = re.compile(rf"{re.escape(SEAL_WORDS)} ([0-9a-f]{{64}}) \\?\({MAKER_WORDS} ([0-9a-f]{{16}})\\?\)")


def foot_of(report: str) -> tuple[str, str] | None:
    """(seal, make) that a report in HTML or Markdown has at its foot; None: an earlier onbox wrote it."""
    found = _FOOT.findall(report)
    return found[-1] if found else None


@cache
def maker() -> str:
    """What makes of the same evidence the same reports: a hash over the rules of the judge, the code and
    the templates of this package.

    Reports of another make are not the same bytes, and cannot be held against what is rendered today.
    """
    package = files("onbox.report")
    parts = [*package.iterdir(), *(package / "templates").iterdir()]
    content = [(part.name, part.read_bytes()) for part in parts if part.name.endswith((".py", ".j2", ".css"))]
    return hashlib.sha256(repr((__version__, RULES, sorted(content))).encode()).hexdigest()[:16]
