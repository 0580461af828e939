"""Cut a body into the messages that it frames: server-sent events, JSON lines, or one document."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

LINES_MAX = 1_000_000
"""Of one body; what follows is not read. A message has three at most, and no model answers so long: pings and empty
lines, eight bytes and one, are a flood."""
_PIECE_BYTES = 1 << 18
"""What is cut into lines at a time: a compressed body may arrive whole, and be nothing but ends of lines."""


class Event(NamedTuple):
    """One message of a body."""

    name: str
    """The event's name; `message` where none was given."""
    data: str


class Framing(Protocol):
    """How a body is cut into messages, byte by byte as it arrives."""

    lines: int
    """So far; a message that arrives alone and whole is not counted. Beyond `LINES_MAX` nothing more is read."""

    def events(self, chunk: bytes) -> list[Event]:
        """The messages that this chunk completes."""
        ...

    def rest(self) -> list[Event]:
        """What the end of the body completes."""
        ...


class _Pending:
    """Bytes that wait for the end of their line, gathered without copying them again for each that comes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.length = 0

    def add(self, data: bytes) -> None:
        self._parts.append(data)
        self.length += len(data)

    def take(self) -> bytes:
        """All of it; nothing is left."""
        whole = b"".join(self._parts)
        self._parts, self.length = [], 0
        return whole


class SseParser:
    """Incremental parser of `text/event-stream` (WHATWG HTML, section 9.2): feed bytes, get events.

    Comments, ids and retry lines are skipped; LF, CRLF and CR end lines; a chunk may end anywhere, also inside a UTF-8
    character or between CR and LF. An event without data, or one that the stream's end cuts off, is dropped, as the
    standard says.
    """

    def __init__(self) -> None:
        self.lines = 0
        self._pending = _Pending()
        self._name = b""
        self._data: list[bytes] = []
        self._after_cr = False
        self._at_start = True
        self.stray = b""
        """The first line that is no field of an event: what another format leaves here."""

    def feed(self, chunk: bytes) -> list[str]:
        """Return the data of each event that this chunk completes."""
        return [event.data for event in self.events(chunk)]

    def events(self, chunk: bytes) -> list[Event]:
        """Return each event that this chunk completes, with its name."""
        if not chunk:
            return []
        if self._is_one_event(chunk):
            return [Event("message", _text(chunk[6:-2]))]
        return [event for piece in _pieces(chunk) if self.lines <= LINES_MAX for event in self._events(piece)]

    def _events(self, chunk: bytes) -> list[Event]:
        after_cr, self._after_cr = self._after_cr, chunk.endswith(b"\r")
        if after_cr:
            chunk = chunk.removeprefix(b"\n")
        self._pending.add(chunk)
        ends_line = b"\n" in chunk or b"\r" in chunk
        if self._at_start and (ends_line or self._pending.length >= 3):
            self._pending.add(self._pending.take().removeprefix(b"\xef\xbb\xbf"))
            self._at_start = False
        if not ends_line:
            return []
        *lines, rest = self._pending.take().replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._pending.add(rest)
        self.lines += len(lines)
        return [event for line in lines if (event := self._line(line)) is not None]

    def _is_one_event(self, chunk: bytes) -> bool:
        """Whether a chunk is one event of one line of data, as servers that flush each token send it, and nothing of
        an earlier chunk is open."""
        return (
            chunk.find(b"\n") == len(chunk) - 2
            and chunk.startswith(b"data: ")
            and chunk.endswith(b"\n\n")
            and b"\r" not in chunk
            and len(chunk) > 8
            and self.between_events
        )

    @property
    def between_events(self) -> bool:
        """Whether an event has ended and none has begun."""
        return not (self._pending.length or self._data or self._name or self._after_cr or self._at_start)

    def rest(self) -> list[Event]:
        """An event that was cut off is dropped, but for the mark of the end, which some servers send without a line
        behind it; where it was the only one, it is what the stream holds."""
        if line := self._pending.take().removeprefix(b"\xef\xbb\xbf" if self._at_start else b""):
            self._line(line)
        data, self._data = b"\n".join(self._data), []
        if data.strip() == b"[DONE]":
            return [Event("message", "[DONE]")]
        self.stray = self.stray or data
        return []

    def _line(self, line: bytes) -> Event | None:
        if line:
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if name == b"data":
                self._data.append(value)
            elif name == b"event":
                self._name = value
            elif name not in (b"", b"id", b"retry"):
                self.stray = self.stray or line
            return None
        event = Event(_text(self._name) or "message", _text(b"\n".join(self._data)))
        self._name, self._data = b"", []
        return event if event.data else None


class LineParser:
    """Incremental parser of JSON lines."""

    def __init__(self) -> None:
        self.lines = 0
        self._pending = _Pending()

    def events(self, chunk: bytes) -> list[Event]:
        """Return each line that this chunk completes; empty lines are skipped."""
        return [event for piece in _pieces(chunk) if self.lines <= LINES_MAX for event in self._events(piece)]

    def _events(self, chunk: bytes) -> list[Event]:
        self._pending.add(chunk)
        if b"\n" not in chunk:
            return []
        *lines, rest = self._pending.take().split(b"\n")
        self._pending.add(rest)
        self.lines += len(lines)
        return [Event("message", _text(line)) for line in lines if line.strip()]

    def rest(self) -> list[Event]:
        """The last line, where it came without its newline."""
        last = self._pending.take()
        return [Event("message", _text(last))] if last.strip() else []


class DocumentParser:
    """A body that is one message and whole only at its end."""

    def __init__(self) -> None:
        self.lines = 0
        self._body = _Pending()

    def events(self, chunk: bytes) -> list[Event]:
        """Nothing yet."""
        self._body.add(chunk)
        return []

    def rest(self) -> list[Event]:
        """The whole body; nothing when it is empty."""
        body = self._body.take()
        return [Event("message", _text(body))] if body else []


def _pieces(chunk: bytes) -> Iterator[bytes]:
    """Short enough that its lines take little memory."""
    return (chunk[at : at + _PIECE_BYTES] for at in range(0, len(chunk), _PIECE_BYTES))


def framing_of(content_type: str) -> Framing:
    """The framing that a content type announces; one document where it announces none."""
    kind = content_type.lower()
    if "text/event-stream" in kind:
        return SseParser()
    if "ndjson" in kind or "jsonl" in kind:
        return LineParser()
    return DocumentParser()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
