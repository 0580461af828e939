"""The reply that a recorded exchange holds."""

from onbox.evidence.records import Exchange
from onbox.protocol.framing import framing_of
from onbox.protocol.reply import Reply
from onbox.protocol.reply_reader import ReplyReader


def read_reply(exchange: Exchange) -> Reply:
    """The reply that a recorded exchange holds; a transport error becomes the reply's error."""
    reader = ReplyReader(framing=framing_of(exchange.headers.get("content-type", "")))
    reader.feed_recorded(exchange.chunks)
    reply = reader.end()
    if exchange.error:
        reply.error = reply.error or exchange.error
    return reply
