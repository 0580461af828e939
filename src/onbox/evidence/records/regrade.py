"""Runs that were judged again: `regrade.jsonl`."""

from onbox.evidence.records.base import Record
from onbox.evidence.records.runs import GateEnd


class RegradedRun(Record):
    """A run whose gate was run again on the workspace that its agent left."""

    contender: str
    task: str
    arm: str
    n: int
    was: GateEnd
    now: GateEnd | None
    """None: it could not be run again; `why` says so."""
    why: str = ""
    code_was: str
    """The failure code by today's judge, with the gate's recorded result."""
    code_now: str
    """The same with the gate's new result."""


class Regrade(Record):
    """A line of `regrade.jsonl`: gates and attribution again; the evidence itself stays as it was."""

    at: str
    onbox_version: str
    sandbox: str
    tasks: dict[str, str]
    """By task, the hash of its files now."""
    runs: tuple[RegradedRun, ...]
