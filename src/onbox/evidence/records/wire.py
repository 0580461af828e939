"""One request and its answer, as they passed."""

from typing import Any

from pydantic import Field

from onbox.evidence.records.base import Record


class Exchange(Record):
    """One request and all that came back, as bytes with arrival stamps: a line of `wire.jsonl` or `requests.jsonl`."""

    id: int
    purpose: str
    """`agent`, `side`, `preflight`, `canary`, `cold`, `warmup` or `measured`; `side` is what an agent of others asks
    beside its task, such as a title. Of a replay: `replay`, `replay-flipped`, `replay-raw`, `replay-prompt`."""
    started_at: str
    t0_ns: int
    """Monotonic time just before the first byte of the request was sent."""
    method: str
    path: str
    request: Any = None
    """The JSON body as it reached the server; a body that is no JSON is kept as text."""
    status: int | None = None
    """None: no status line ever came."""
    headers: dict[str, str] = Field(default_factory=dict)
    chunks: tuple[tuple[int, str], ...] = ()
    """(nanoseconds since `t0_ns` at the socket read, bytes as UTF-8 with surrogateescape) of the decoded body."""
    ended_ns: int | None = None
    """Nanoseconds since `t0_ns` at the end of the body, or at the error."""
    error: str | None = None
    """What broke the exchange, in words: refused, reset, timed out, the client left."""

    def body(self) -> bytes:
        """The body as it came, chunk boundaries forgotten."""
        return "".join(text for _, text in self.chunks).encode("utf-8", "surrogateescape")
