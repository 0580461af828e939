"""How a server of known truth plays an engine: the messages of an API of its own, and its page of counters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Message = dict[str, Any] | str
"""A message is JSON, or the text of an event that is none, as `[DONE]`."""
PROMPT_TOKENS = 32
JSON_LINES = "application/x-ndjson"


@dataclass(frozen=True)
class TokenChunk:
    """A few tokens, as one message carries them.

    Args:
        part: where they go, as in `Shape.parts`.
        text: what they spell; empty for a chunk that shows nothing.
        ids: one for each token that this chunk brings, hidden ones before it included.
        counted: output tokens up to here.
        first: this part had no token before.
    """

    part: str
    text: str
    ids: Sequence[int]
    counted: int
    first: bool


@dataclass(frozen=True)
class StreamEnd:
    """What is known after the last token.

    Args:
        tokens: output tokens of all answers.
        decode_s: from the first token to the last.
        token_s: from one token to the next.
    """

    tokens: int
    decode_s: float
    token_s: float


class ApiEmulator(Protocol):
    """How one API streams; each method gives the messages of one moment, and may give none."""

    content_type: str

    def open(self) -> list[Message]:
        """Before the first token."""
        ...

    def write(self, chunk: TokenChunk) -> list[Message]:
        """A few tokens."""
        ...

    def close(self, end: StreamEnd) -> list[Message]:
        """After the last token."""
        ...

    def usage(self, end: StreamEnd) -> list[Message]:
        """How much it was."""
        ...

    def done(self) -> list[Message]:
        """The stream is over."""
        ...


@dataclass(frozen=True)
class EmulatedApi:
    """An API of an engine's own, as the selftest plays it.

    Args:
        says: what is odd about it, in words.
        emulator: makes one for each stream.
        streams_unasked: it streams where a request does not say.
    """

    says: str
    emulator: type[ApiEmulator]
    streams_unasked: bool = False


@dataclass(frozen=True)
class MetricsPage:
    """What an engine calls the counters of its page of metrics; histograms without `_sum` and `_count`.

    Args:
        prompt: counter of prompt tokens.
        generated: counter of output tokens.
        cached: counter of prompt tokens from the cache.
        preemptions: counter of requests that lost their place.
        running: gauge of requests that are served.
        waiting: gauge of requests that wait.
        output_tokens: histogram of the output tokens of finished requests.
        decode_s: histogram of their seconds of decoding.
    """

    prompt: str
    generated: str
    cached: str
    preemptions: str
    running: str
    waiting: str
    output_tokens: str
    decode_s: str
