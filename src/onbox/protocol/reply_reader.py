"""Read what a server sent: the body in any chunking and any framing, and the reply that it spells.

The same code serves the agent while a reply arrives and the judge a year later from the recorded bytes, so both see
the same reply.
"""

from onbox.protocol.api_formats import error_text, piece_of
from onbox.protocol.envelopes import Envelope, envelope_of
from onbox.protocol.framing import Document, Event, Framing, SseParser
from onbox.protocol.reply import SURROGATE, Arrival, Reply
from onbox.untrusted_json import UntrustedJsonError, parse

NOT_JSON = "not JSON"
LEARNED_IN_VAIN_MAX = 4
"""Envelopes that no further message came in: this server writes something new into each."""
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
        self._envelope: Envelope | None = None
        self._framed: Envelope | None = None
        self._learned_in_vain = 0

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

    def feed_text(self, t_ns: int, chunk: str) -> None:
        """Take in a chunk as a record has it: bytes as UTF-8 with surrogateescape."""
        if (
            self._framed is not None
            and isinstance(self._framing, SseParser)
            and self._framing.between_events
            and self._messages < MESSAGES_MAX
            and (text := self._framed.text_of(chunk))
            and (text.isascii() or not SURROGATE.search(text))
        ):
            reply = self.reply
            reply.again(self._framed, text)
            reply.arrivals.append(Arrival(t_ns, 1, len(text), reply.counted))
            reply.chunks += 1
            self._messages += 1
        else:
            self.feed(t_ns, chunk.encode("utf-8", "surrogateescape"))

    def end(self) -> Reply:
        """Return the reply after the last byte."""
        for event in self._framing.rest():
            whole = self._event(event) or not (self.reply.error or "").startswith(NOT_JSON)
            self.reply.done = self.reply.done or (whole and isinstance(self._framing, Document))
        return self.reply

    def _event(self, event: Event) -> bool:
        if self._envelope is not None and event.name != "error" and (text := self._envelope.text_of(event.data)):
            self._learned_in_vain = 0
            return self.reply.again(self._envelope, text)
        if event.data.strip() == "[DONE]":
            self.reply.done = True
            return False
        try:
            payload = parse(event.data)
        except UntrustedJsonError:
            self.reply.error = self.reply.error or f"{NOT_JSON}: {event.data[:200]}"
            return False
        if not isinstance(payload, dict):
            self.reply.error = self.reply.error or f"not a JSON object: {str(payload)[:200]}"
            return False
        piece = piece_of(payload)
        visible = self.reply.add(piece)
        if event.name == "error":
            self.reply.error = self.reply.error or error_text(payload)
        elif visible and self._learned_in_vain < LEARNED_IN_VAIN_MAX:
            self._envelope = envelope_of(event.data, piece)
            self._framed = self._envelope.framed() if self._envelope else None
            self._learned_in_vain += 1
        return visible
