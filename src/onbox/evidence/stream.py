"""Read what a server sent: the body in any chunking and any framing, and the reply that it spells.

The same code serves the agent while a reply arrives and the judge a year later from the recorded bytes, so both see
the same reply.
"""

from onbox.evidence.dialects import error_text
from onbox.evidence.framing import Document, Event, Framing, SseParser, framing_of
from onbox.evidence.records import Exchange
from onbox.evidence.reply import Arrival, Reply, ToolCall
from onbox.untrusted_json import UntrustedJsonError, parse

__all__ = ["Arrival", "Reply", "ReplyReader", "SseParser", "ToolCall", "read_reply"]

NOT_JSON = "not JSON"
MESSAGES_MAX = 500_000
"""In one reply; a token is one at most, and no model answers so long."""


class ReplyReader:
    """Builds a `Reply` from body bytes as they arrive.

    Args:
        streamed: whether the body is `text/event-stream`; otherwise it is one JSON document.
        framing: how the body is cut into messages, where `streamed` does not tell enough.
    """

    def __init__(self, streamed: bool = True, framing: Framing | None = None) -> None:
        self.reply = Reply()
        self._framing = framing or (SseParser() if streamed else Document())
        self._messages = 0

    def feed(self, t_ns: int, chunk: bytes) -> None:
        """Take in the bytes of one socket read, stamped in nanoseconds since the request."""
        if self._messages > MESSAGES_MAX:
            return
        events = self._framing.events(chunk)
        if not events:
            return
        self._messages += len(events)
        if self._messages > MESSAGES_MAX:
            self.reply.error = self.reply.error or f"more than {MESSAGES_MAX:,} messages: what follows is not read"
        before = self.reply.characters
        visible = sum(self._event(event) for event in events)
        self.reply.arrivals.append(Arrival(t_ns, visible, self.reply.characters - before, self.reply.counted))
        self.reply.chunks += visible

    def end(self) -> Reply:
        """Return the reply after the last byte."""
        for event in self._framing.rest():
            whole = self._event(event) or not (self.reply.error or "").startswith(NOT_JSON)
            self.reply.done = self.reply.done or (whole and isinstance(self._framing, Document))
        return self.reply

    def _event(self, event: Event) -> bool:
        if event.data.strip() == "[DONE]":
            self.reply.done = True
            return False
        try:
            payload = parse(event.data)
        except UntrustedJsonError:
            self.reply.error = self.reply.error or f"{NOT_JSON}: {event.data[:200]}"
            return False
        visible = self.reply.add(payload)
        if event.name == "error":
            self.reply.error = self.reply.error or error_text(payload)
        return visible


def read_reply(exchange: Exchange) -> Reply:
    """The reply that a recorded exchange holds; a transport error becomes the reply's error."""
    reader = ReplyReader(framing=framing_of(exchange.headers.get("content-type", "")))
    for t_ns, text in exchange.chunks:
        reader.feed(t_ns, text.encode("utf-8", "surrogateescape"))
    reply = reader.end()
    if exchange.error:
        reply.error = reply.error or exchange.error
    return reply
