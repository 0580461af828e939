"""Published rates: what others say that a model decodes at, with what it takes to compare a number of one's own."""

from datetime import date as calendar_date
from typing import Literal

from pydantic import Field, field_validator

from onbox.evidence.records import Record


class Claim(Record):
    """One published rate; None is what its source does not tell."""

    name: str
    models: tuple[str, ...] = Field(min_length=1)
    """Parts of names, any of which names the model."""
    tok_s: float = Field(gt=0)
    tolerance: float = Field(default=0.02, gt=0, lt=1)
    """Share of the rate within which the whole interval of a measurement must lie."""
    quantity: Literal["decode", "output", "wall"] | None = None
    """`decode`: of decoding alone; `output`: tokens over time with the prompt's; `wall`: by a watch around it all."""
    tokens: int | None = None
    """Output tokens a request."""
    context_tokens: int | None = None
    """Before the first output token: the prompt and what stands before it."""
    concurrency: int | None = None
    prefix_cache: bool | None = None
    """Whether prompts may have been answered from a cache."""
    requests: int | None = None
    counting: Literal["usage", "chunks", "text"] | None = None
    """How tokens were counted: by the server's usage or ids, by events, or by tokenising the text again."""
    backend: str | None = None
    precision: str | None = None
    """Of the weights as they were resident."""
    box: str | None = None
    """Part of the name of its processor or accelerator."""
    speculation: str | None = None
    """`none`, or the method; None where that is not told."""
    tool: str | None = None
    source: str
    date: str | None = None
    """When it was published."""
    remark: str = ""

    @field_validator("date", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        """YAML makes a date of what looks like one."""
        return value.isoformat() if isinstance(value, calendar_date) else value


class Claims(Record):
    """A file of claims, and `claims.yaml` of an evidence folder."""

    claims: tuple[Claim, ...] = ()
