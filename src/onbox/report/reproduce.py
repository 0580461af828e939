"""The commands that lead to the same numbers again."""

import shlex
from dataclasses import dataclass

from onbox.evidence.records import StandUp
from onbox.report.page import Page


@dataclass(frozen=True)
class Command:
    """One line for a shell and what it is good for."""

    line: str
    does: str


def commands(page: Page) -> tuple[Command, ...]:
    """From the cheapest proof to the dearest; all but the last need no engine."""
    folder = shlex.quote(page.folder.name)
    return (
        Command(f"onbox verify {folder}", "checks every file's hash and computes every number again"),
        Command(f"onbox judge {folder}", "computes the verdict from the evidence alone"),
        Command(f"onbox trial {folder}/plan.yaml", "measures all of it again, with the same seeds"),
    )


def engine_command(stand_up: StandUp) -> str:
    """The exact command line of an engine; empty where onbox did not start it."""
    return shlex.join(stand_up.argv)
