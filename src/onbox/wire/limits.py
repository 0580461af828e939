"""How much a server may send, and for how long. No real server comes near; a broken one must not fill the memory."""

import time
from dataclasses import dataclass


class LimitExceededError(Exception):
    """A server went on beyond a limit; the message says which. What was read until then is kept, up to a bound."""


@dataclass(frozen=True)
class WireLimits:
    """Limits of one request.

    Args:
        reply_bytes: of a body, as it is when undone of any compression. A stream of 100,000 tokens has about 40 MB.
            Control characters and bytes beyond ASCII count six times, quotes, backslashes and ends of lines twice, as a
            record writes them.
        line_bytes: of a stream without a line's end.
        request_s: from the first byte of the request to the last of the reply.
        head_s: until the status line; interim answers such as `100 Continue` do not prolong it.
        kept_bytes: of a body that went beyond a limit.
    """

    reply_bytes: int = 64 * 2**20
    line_bytes: int = 16 * 2**20
    request_s: float = 4 * 3600.0
    head_s: float = 3600.0
    kept_bytes: int = 2**20


class Clock:
    """The time that a request has left.

    Args:
        limits: of the request.
    """

    def __init__(self, limits: WireLimits) -> None:
        self._limits = limits
        self._began_s = time.monotonic()

    def left_s(self, *, head: bool) -> float:
        """Seconds until a limit of time is reached, more than 0.

        Args:
            head: whether the status line is still awaited.

        Raises:
            LimitExceededError: none are left.
        """
        left_s = self._began_s + self._limit_s(head) - time.monotonic()
        if left_s <= 0:
            raise self.over(head=head)
        return left_s

    def over(self, *, head: bool) -> LimitExceededError:
        """What to raise when none are left."""
        what = "no status line" if head else "the reply was not over"
        return LimitExceededError(f"{what} after {self._limit_s(head):.3g} s")

    def _limit_s(self, head: bool) -> float:
        return min(self._limits.request_s, self._limits.head_s) if head else self._limits.request_s


ESCAPED_BYTES = 6
"""Of a control character, or half of another, in a record."""
_TWICE = (b'"', b"\\", b"\n")
_PLAIN = bytes([*b"\t\n\r", *range(0x20, 0x7F)])


class BodyMeter:
    """Counts a body as it arrives.

    Args:
        limits: of the request.
        content_type: a stream of lines is held to `line_bytes`.
    """

    def __init__(self, limits: WireLimits, content_type: str = "") -> None:
        kind = content_type.lower()
        self._limits = limits
        self._has_lines = any(name in kind for name in ("event-stream", "ndjson", "jsonl"))
        self._bytes = 0
        self._line_bytes = 0

    @property
    def left_bytes(self) -> int:
        """Bytes that the body may still have, if they are plain text."""
        return self._limits.reply_bytes - self._bytes

    def count(self, data: bytes) -> None:
        """Count bytes of the body.

        Raises:
            LimitExceededError: the body, or a line of it, is too long.
        """
        escaped = (ESCAPED_BYTES - 1) * len(data.translate(None, _PLAIN)) + sum(map(data.count, _TWICE))
        self._bytes += len(data) + escaped
        if self._bytes > self._limits.reply_bytes:
            raise LimitExceededError(f"the reply is longer than {self._limits.reply_bytes:,} bytes")
        if not self._has_lines:
            return
        end = max(data.rfind(b"\n"), data.rfind(b"\r"))
        self._line_bytes = len(data) - end - 1 if end >= 0 else self._line_bytes + len(data)
        if self._line_bytes > self._limits.line_bytes:
            raise LimitExceededError(f"a line of the reply is longer than {self._limits.line_bytes:,} bytes")


def kept(chunks: list[tuple[int, bytes]], limit_bytes: int) -> list[tuple[int, bytes]]:
    """The first bytes of a body that went beyond a limit, with their stamps."""
    found, left = [], limit_bytes
    for t_ns, data in chunks:
        if left <= 0:
            break
        found.append((t_ns, data[:left]))
        left -= len(data)
    return found
