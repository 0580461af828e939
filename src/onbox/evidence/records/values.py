"""What the owner values: how contenders are weighed that differ in more than one way."""

from pydantic import Field

from onbox.evidence.records.base import Count, Record


class OwnerValues(Record):
    """`values` of the plan. By default ability goes first, and of equals the faster, the smaller, the seeing."""

    ability_margin: float = Field(default=0.10, gt=0, lt=1)
    """Pass rates that are no further apart are equally good: 0.1 is ten points."""
    time_margin: float = Field(default=0.10, gt=0, lt=1)
    """Times whose ratio is between 1 minus this and its inverse are equal: 0.1 is from 0.9 to 1.11."""
    memory_margin: float = Field(default=0.10, gt=0, lt=1)
    """Memory needs that differ by a smaller share are equal."""
    rate_per_minute: float | None = Field(default=None, ge=0, le=1)
    """Pass rate that saving a minute per run is worth: 0.02 means two points; None: ability comes first."""
    memory_free_gb: float | None = Field(default=None, ge=0)
    """What must stay available on the box while the model is up, in 10^9 bytes; None: no demand."""
    must_see: bool = False
    """Whether it must see images."""
    context_tokens: Count | None = None
    """The context that it must have; None: no demand."""

    @property
    def demands(self) -> bool:
        """Whether there is anything that a contender must have."""
        return self.memory_free_gb is not None or self.must_see or self.context_tokens is not None
