"""Read what a server sent: the body in any chunking and any framing, and the reply that it spells.

The same code serves the agent while a reply arrives and the judge a year later from the recorded bytes, so both see
the same reply.
"""

from collections.abc import Sequence

from onbox.protocol.api_formats import error_text, piece_of
from onbox.protocol.envelopes import Envelope, envelope_of
from onbox.protocol.framing import LINES_MAX, DocumentParser, Event, Framing, SseParser
from onbox.protocol.reply import SURROGATE, Arrival, Reply
from onbox.untrusted_json import UntrustedJsonError, parse

NOT_JSON = "not JSON"
LEARNED_IN_VAIN_MAX = 4
"""Envelopes that no further message came in: this server writes something new into each."""
MESSAGES_MAX = 500_000
"""In one reply; a token is one at most, and no model answers so long."""
BROKEN_MAX = 1000
"""Messages of one reply that are no JSON; none is parsed after them. To find out that one is none takes the longest."""


_arrival = Arrival._make


class ReplyReader:
    """Builds a `Reply` from body bytes as they arrive.

    Args:
        streamed: whether the body is `text/event-stream`; otherwise it is one JSON document.
        framing: how the body is cut into messages, where `streamed` does not tell enough.
    """

    def __init__(self, streamed: bool = True, framing: Framing | None = None) -> None:
        self.reply = Reply()
        self._framing = framing or (SseParser() if streamed else DocumentParser())
        self._messages = 0
        self._envelope: Envelope | None = None
        self._framed: Envelope | None = None
        self._learned_in_vain = 0
        self._broken = 0

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

    def feed_recorded(self, chunks: Sequence[tuple[int, str]]) -> None:
        """Take in chunks as a record has them: (stamp, bytes as UTF-8 with surrogateescape)."""
        at = 0
        while at < len(chunks):
            at = self._alike(chunks, at)
            if at < len(chunks):
                self.feed(chunks[at][0], chunks[at][1].encode("utf-8", "surrogateescape"))
                at += 1

    def _alike(self, chunks: Sequence[tuple[int, str]], at: int) -> int:
        """Take in all chunks from one on that are the same event but for its text; returns the first that is not."""
        envelope, framing, reply = self._framed, self._framing, self.reply
        if envelope is None or not isinstance(framing, SseParser) or not framing.between_events:
            return at
        text_of, ids, counted, arrive = envelope.text_of, envelope.token_ids, reply.counted, reply.arrivals.append
        before, texts = reply.token_ids or 0, []
        for place in range(at, min(len(chunks), at + MESSAGES_MAX - self._messages)):
            t_ns, chunk = chunks[place]
            text = text_of(chunk)
            if not text or not (text.isascii() or not SURROGATE.search(text)):
                break
            texts.append(text)
            if ids is not None:
                counted = ids * len(texts) + before
            arrive(_arrival((t_ns, 1, len(text), counted)))
        if texts:
            reply.more(envelope, texts)
            reply.chunks += len(texts)
            self._messages += len(texts)
        return at + len(texts)

    def end(self) -> Reply:
        """Return the reply after the last byte."""
        if self._framing.lines > LINES_MAX:
            self.reply.error = self.reply.error or f"more than {LINES_MAX:,} lines: what follows is not read"
        for event in self._framing.rest():
            whole = self._event(event) or not (self.reply.error or "").startswith(NOT_JSON)
            self.reply.done = self.reply.done or (whole and isinstance(self._framing, DocumentParser))
        stray = self._framing.stray if isinstance(self._framing, SseParser) else b""
        if stray and not self._messages:
            self.reply.error = self.reply.error or f"no event in the stream: {stray[:200].decode('utf-8', 'replace')}"
        return self.reply

    def _event(self, event: Event) -> bool:
        if self._envelope is not None and event.name != "error" and (text := self._envelope.text_of(event.data)):
            self._learned_in_vain = 0
            self.reply.more(self._envelope, [text])
            return True
        if event.data.strip() == "[DONE]":
            self.reply.done = True
            return False
        return self._parsed(event)

    def _parsed(self, event: Event) -> bool:
        """Take in a message that none before it was like."""
        if self._broken >= BROKEN_MAX:
            return False
        try:
            payload = parse(event.data)
        except UntrustedJsonError:
            self.reply.error = self.reply.error or f"{NOT_JSON}: {event.data[:200]}"
            self._broken += 1
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
