"""Published rates: what others say that a model decodes at, with what it takes to compare a number of one's own."""

from datetime import date as calendar_date
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError, field_validator

from onbox.errors import UsageError
from onbox.evidence.records import Record
from onbox.field_errors import first_problem
from onbox.input_files import input_text, parse_yaml

NAME = "claims.yaml"


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


def read_claims(path: Path) -> Claims:
    """The claims of a file.

    Raises:
        UsageError: it cannot be read or holds something else; the message names file and field.
    """
    return parse_claims(input_text(path), str(path))


def written(claims: Claims) -> bytes:
    """The content of `claims.yaml`; what is not told is left out."""
    data = claims.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110).encode()


def parse_claims(text: str, where: str) -> Claims:
    """The claims of a text; `where` it stands is for the message.

    Raises:
        UsageError: it holds something else.
    """
    try:
        found = Claims.model_validate(parse_yaml(text, where))
    except ValidationError as error:
        raise UsageError(f"{where}: {first_problem(error, Claims)}", "docs/claims.md has an example") from error
    names = [claim.name for claim in found.claims]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{where}: two claims are named {twice}", "give each a name of its own")
    return found
