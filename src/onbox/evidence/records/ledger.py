"""What became of each piece of evidence: `ledger.jsonl`."""

from enum import StrEnum

from onbox.evidence.records.base import Record


class LedgerKind(StrEnum):
    """What may happen to a piece of evidence."""

    PLANNED = "planned"
    ACCEPTED = "accepted"
    DISCARDED = "discarded"
    INVALIDATED = "invalidated"
    RESUMED = "resumed"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    STOPPED = "stopped"
    REGRADED = "regraded"
    RESEALED = "resealed"
    LOOKED = "looked"
    """The trial was judged, after so many runs of each task."""
    EXTENDED = "extended"
    """More runs were asked for than the plan has."""


class LedgerEntry(Record):
    """A line of `ledger.jsonl`: append-only."""

    at: str
    kind: LedgerKind
    subject: str
    """A path inside the trial folder, or the trial itself (`.`)."""
    reason: str = ""
    sha256: str = ""
    """Of `plan.yaml`, where it was `planned`; the seal under which the trial was `resumed` or `resealed`."""
    runs: int | None = None
    """Of each task by each contender and arm: what was there at a look, or is asked for now."""
