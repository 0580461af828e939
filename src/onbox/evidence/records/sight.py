"""What was shown to a model, and what is known of why it may not see: `vision/`."""

from typing import Literal

from pydantic import Field

from onbox.evidence.records.base import Record

SIGHT_TRIES_MAX = 100
"""Of one size; more would say nothing new."""
Control = Literal["", "text only", "blank"]


class SightPlan(Record):
    """How it is found out whether a contender sees, fixed before it is asked."""

    tries: int = Field(default=4, ge=1, le=SIGHT_TRIES_MAX)
    """Pictures at the larger size; as many at the smaller one if any of the larger were read."""
    always: bool = False
    """Ask also a contender of which nothing says that it sees."""
    seed: int = 1
    """Of the pictures: nobody who has not this number and the picture knows what is in it."""
    image: str = ""
    """The user's own picture, in place of made ones; empty: made on the spot."""
    image_sha256: str = ""
    expect: str = ""
    """What an answer about the user's own picture must hold."""
    tokens: int = Field(default=1024, ge=16, le=10**9)
    """Limit for an answer: room for reasoning before a short answer."""
    seconds: float = Field(default=300.0, ge=0, le=86_400)
    """After this time no further question is sent."""


class SightTry(Record):
    """`vision/N/run.json`: one question, with a picture or as a control without one."""

    n: int
    kind: str
    """`words`, `digits`, `status`, `chart`, or `file` for the user's own."""
    control: Control = ""
    """`text only`: the same question without a picture; `blank`: with an empty one. Empty: the picture itself."""
    width: int = 0
    height: int = 0
    """In pixels; 0 without a picture."""
    question: str
    expected: tuple[str, ...]
    """The answer must contain all of these."""
    decoys: tuple[str, ...] = ()
    """None of these may: an answer that names all that could be meant has read nothing."""
    image: str = ""
    """The file next to this one; empty without a picture."""
    image_sha256: str = ""


class SightFlag(Record):
    """An option of a server that keeps pictures from a model."""

    option: str
    """As it was given."""
    where: str
    """`recipe`, `command line` or `environment`."""
    remedy: str
    """What to do about it, for that version of the engine."""


class SightFacts(Record):
    """`vision/see.json`: what is known, beside the answers, of whether and why a model may not see."""

    engine: str = ""
    """Name and version; empty: the server does not report them."""
    asked: bool = True
    """False: nothing suggests that it can see, so no picture was sent."""
    says: bool | None = None
    """Whether the server reports that it takes images; None: it does not report it."""
    tower: bool | None = None
    """Whether the served weights contain a vision tower; None: they could not be read."""
    tower_seen: str = ""
    """Where that was found, or why not."""
    projector_needed: bool = False
    """Whether this engine needs the tower as a separate file."""
    projector_given: bool | None = None
    """Whether it was given one; None: its command line is not visible."""
    projector_beside: str | None = None
    """A file of that kind that lies beside the weights and fits them by its width; empty: none, None: not looked at."""
    flags: tuple[SightFlag, ...] | None = None
    """Options that hide the tower; None: the command line is not seen."""
    template_slot: bool | None = None
    """Whether the chat template has a place for a picture; None: not known."""
    template_needed: bool = False
    """Whether this engine places pictures only where the template says."""
    unseen: tuple[str, ...] = ()
    """What could not be looked at, and why, in words."""
    remedies: dict[str, str] = Field(default_factory=dict)
    """By reason, what helps with this engine's version, if anything does."""
    ended: str = "complete"
    """`complete`, or why no further question was sent."""
