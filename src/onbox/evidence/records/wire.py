"""One request and its answer, as they passed."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from onbox.evidence.records.base import Count, Nanoseconds, Record


class TransportError(StrEnum):
    """How an exchange broke."""

    REFUSED = "refused"
    """No connection could be made."""
    RESET = "reset"
    """The server closed the connection before the reply was complete."""
    TIMED_OUT = "timed out"
    CLIENT_LEFT = "client left"
    """The agent hung up before the reply was complete."""
    RUN_ENDED = "run ended"
    """The agent's run ended before the reply was complete."""
    PROTOCOL = "protocol"
    """What came is not HTTP."""
    ENCODING = "encoding"
    """The body does not have the content encoding that its headers name."""
    LIMIT = "limit"
    """The server went on beyond a limit of bytes or time."""
    OTHER = "other"


class Exchange(Record):
    """One request and all that came back, as bytes with arrival stamps: a line of `wire.jsonl` or `requests.jsonl`."""

    id: int
    purpose: str
    """`agent`, `side`, `preflight`, `canary`, `cold`, `warmup`, `measured` or `see`; `side` is what an agent of others
    asks beside its task, such as a title. Of a replay: `replay`, `replay-flipped`, `replay-raw`, `replay-prompt`."""
    started_at: str
    t0_ns: Nanoseconds
    """Monotonic time just before the first byte of the request was sent."""
    method: str
    path: str
    request: Any = None
    """The JSON body as it reached the server; a body that is no JSON is kept as text."""
    status: int | None = None
    """None: no status line ever came."""
    headers: dict[str, str] = Field(default_factory=dict)
    chunks: tuple[tuple[Nanoseconds, str], ...] = ()
    """(nanoseconds since `t0_ns` at the socket read, bytes as UTF-8 with surrogateescape) of the decoded body."""
    ended_ns: Count | None = None
    """Nanoseconds since `t0_ns` at the end of the body, or at the error."""
    error: str | None = None
    """What interrupted the exchange, in words; None: nothing."""
    error_kind: TransportError | None = None
    """None: nothing did."""

    def body(self) -> bytes:
        """The body as it came, chunk boundaries forgotten."""
        return "".join(text for _, text in self.chunks).encode("utf-8", "surrogateescape")
