"""Read what a server sent: server-sent events in any chunking, and the reply that they spell.

The same code serves the agent while a reply arrives and the judge a year later from the recorded bytes, so both see
the same reply.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from onbox.evidence.records import Exchange

CALLS_MAX = 1000
"""No model makes so many calls in one reply; a larger index is a broken server."""


class SseParser:
    """Incremental parser of `text/event-stream` (WHATWG HTML, section 9.2): feed bytes, get the data of events.

    Comments, event names, ids and retry lines are skipped; LF, CRLF and CR end lines; a chunk may end anywhere, also
    inside a UTF-8 character or between CR and LF. An event that the stream's end cuts off is dropped, as the standard
    says.
    """

    def __init__(self) -> None:
        self._pending = b""
        self._data: list[bytes] = []
        self._after_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[str]:
        """Return the data of each event that this chunk completes."""
        if not chunk:
            return []
        after_cr, self._after_cr = self._after_cr, chunk.endswith(b"\r")
        if after_cr:
            chunk = chunk.removeprefix(b"\n")
        self._pending += chunk
        ends_line = b"\n" in chunk or b"\r" in chunk
        if self._at_start and (ends_line or len(self._pending) >= 3):
            self._pending = self._pending.removeprefix(b"\xef\xbb\xbf")
            self._at_start = False
        if not ends_line:
            return []
        *lines, self._pending = self._pending.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        events = []
        for line in lines:
            if not line and self._data:
                events.append(b"\n".join(self._data).decode("utf-8", "replace"))
                self._data = []
            elif line == b"data" or line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
        return events


@dataclass
class ToolCall:
    """One call that the server parsed out of the model's text."""

    id: str = ""
    name: str = ""
    arguments: str = ""
    """JSON text as it came: it may be pretty-printed, or broken."""


@dataclass(frozen=True)
class Arrival:
    """One socket read that completed at least one event."""

    t_ns: int
    """Nanoseconds since the request was sent."""
    visible: int
    """Events of this read that carried content, reasoning or a tool call."""


@dataclass
class Reply:
    """What the model answered, as the server gave it."""

    content: str = ""
    reasoning: str = ""
    reasoning_field: str = ""
    """`reasoning` or `reasoning_content`, whichever the server uses."""
    tool_calls: list[ToolCall] = field(default_factory=list)
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    timings: dict[str, Any] | None = None
    """llama.cpp's own account of the request."""
    error: str | None = None
    """An error that the server put into the stream or the body."""
    done: bool = False
    """The stream ended as it should ([DONE]), or the body was whole."""
    arrivals: list[Arrival] = field(default_factory=list)
    chunks: int = 0
    """Events with a visible payload."""

    @property
    def completion_tokens(self) -> int | None:
        """Tokens that the server says it generated; None when it does not say."""
        value = (self.usage or {}).get("completion_tokens")
        return value if isinstance(value, int) else None

    @property
    def prompt_tokens(self) -> int | None:
        """Tokens of the prompt, cached ones included; None when the server does not say."""
        value = (self.usage or {}).get("prompt_tokens")
        return value if isinstance(value, int) else None

    def add(self, payload: Any) -> bool:
        """Take in one parsed event or body of /chat/completions or /completions; True if it showed something."""
        if not isinstance(payload, dict):
            return self._odd("the event", payload)
        if payload.get("error"):
            self.error = _error_text(payload["error"])
        if isinstance(payload.get("usage"), dict):
            self.usage = payload["usage"]
        if isinstance(payload.get("timings"), dict):
            self.timings = payload["timings"]
        choices = payload.get("choices") or []
        if not isinstance(choices, list):
            return self._odd("choices", choices)
        visible = False
        for choice in choices:
            if isinstance(choice, dict) and not choice.get("index"):
                visible |= self._add_choice(choice)
        return visible

    def _add_choice(self, choice: dict[str, Any]) -> bool:
        self.finish_reason = self._text(choice, "finish_reason") or self.finish_reason
        delta = choice.get("delta") or choice.get("message") or {}
        if not isinstance(delta, dict):
            return self._odd("delta", delta)
        text = self._text(delta, "content") or self._text(choice, "text")
        self.content += text
        visible = bool(text)
        for name in ("reasoning", "reasoning_content"):
            if isinstance(delta.get(name), str) and delta[name]:
                self.reasoning += self._text(delta, name)
                self.reasoning_field = name
                visible = True
                break
        calls = delta.get("tool_calls") or []
        if not isinstance(calls, list):
            return self._odd("tool_calls", calls)
        for position, call in enumerate(calls):
            visible |= self._add_call(position, call)
        return visible

    def _add_call(self, position: int, call: Any) -> bool:
        if not isinstance(call, dict):
            return self._odd("tool_calls", call)
        index, function = call.get("index"), call.get("function") or {}
        index = position if index is None else index
        if not isinstance(index, int) or not 0 <= index <= CALLS_MAX:
            return self._odd("tool_calls.index", index)
        if not isinstance(function, dict):
            return self._odd("tool_calls.function", function)
        while len(self.tool_calls) <= index:
            self.tool_calls.append(ToolCall())
        target = self.tool_calls[index]
        target.id = self._text(call, "id") or target.id
        target.name += self._text(function, "name")
        target.arguments += self._text(function, "arguments")
        return True

    def _text(self, part: dict[str, Any], name: str) -> str:
        """A field that is text or null; half a surrogate pair, which no file and no server takes, is replaced."""
        value = part.get(name)
        if isinstance(value, str):
            return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if value is not None:
            self._odd(name, value)
        return ""

    def _odd(self, name: str, value: Any) -> bool:
        """Note that a server broke the protocol; what it sent shows nothing."""
        self.error = self.error or f"{name} is not as the protocol has it: {str(value)[:200]}"
        return False


class ReplyReader:
    """Builds a `Reply` from body bytes as they arrive.

    Args:
        streamed: whether the body is `text/event-stream`; otherwise it is one JSON document.
    """

    def __init__(self, streamed: bool) -> None:
        self.reply = Reply()
        self._streamed = streamed
        self._sse = SseParser()
        self._body = b""

    def feed(self, t_ns: int, chunk: bytes) -> None:
        """Take in the bytes of one socket read, stamped in nanoseconds since the request."""
        if not self._streamed:
            self._body += chunk
            return
        events = self._sse.feed(chunk)
        visible = sum(self._event(data) for data in events)
        if events:
            self.reply.arrivals.append(Arrival(t_ns, visible))
            self.reply.chunks += visible

    def end(self) -> Reply:
        """Return the reply after the last byte."""
        if not self._streamed and self._body:
            try:
                self.reply.add(json.loads(self._body))
                self.reply.done = True
            except ValueError:
                self.reply.error = f"not JSON: {self._body[:200].decode('utf-8', 'replace')}"
        return self.reply

    def _event(self, data: str) -> bool:
        if data.strip() == "[DONE]":
            self.reply.done = True
            return False
        try:
            return self.reply.add(json.loads(data))
        except ValueError:
            self.reply.error = self.reply.error or f"an event that is not JSON: {data[:200]}"
            return False


def read_reply(exchange: Exchange) -> Reply:
    """The reply that a recorded exchange holds; a transport error becomes the reply's error."""
    reader = ReplyReader("text/event-stream" in exchange.headers.get("content-type", "").lower())
    for t_ns, text in exchange.chunks:
        reader.feed(t_ns, text.encode("utf-8", "surrogateescape"))
    reply = reader.end()
    if exchange.error:
        reply.error = reply.error or exchange.error
    return reply


def _error_text(error: Any) -> str:
    if isinstance(error, dict):
        return str(error.get("message") or error)
    return str(error)
