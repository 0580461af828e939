"""Messages of a stream that differ in one text alone, read without parsing all of each again.

A server sends the same envelope with every token. Once a message has been read, the next one that begins and ends with
the same characters, and has one JSON string between them, means the same with that string in the other's place: JSON is
read from left to right, so nothing before or after the string can mean something else.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from json.decoder import scanstring  # type: ignore[attr-defined]

from onbox.protocol.api_formats import Piece, piece_of
from onbox.untrusted_json import UntrustedJsonError, parse

_OTHER = "another text, which no model wrote"
_CREATED = re.compile(r'"created": ?([1-9][0-9]{9})(?=[,}])')
_LATER = "1234567890"
_ASCII, _PLAIN = json.JSONEncoder(), json.JSONEncoder(ensure_ascii=False)
"""The two ways in which servers write a text."""
FRAME = ("data: ", "\n\n")
"""Of an event that is one line of data."""


@dataclass(slots=True)
class Envelope:
    """What a message has around its one text.

    Args:
        head: all up to the text, its opening quote included.
        tail: all from the closing quote on, as it was last.
        part: which part of the message the text is: `text`, `reasoning` or `arguments` of a call.
        index: of the call; 0 for the others.
        token_ids: how many came with the text; None: the server gives none.
        clock: where in the tail the digits of `created` stand, which is the second and says nothing; None: not there.
    """

    head: str
    tail: str
    part: str
    index: int
    token_ids: int | None
    clock: tuple[int, int] | None

    def text_of(self, message: str) -> str:
        """The text of a message in this envelope; empty: it is in another, or its text is empty."""
        if not message.startswith(self.head):
            return ""
        if not message.endswith(self.tail) and not self._at_another_second(message):
            return ""
        try:
            text, end = scanstring(message, len(self.head), True)
        except ValueError:
            return ""
        return str(text) if end == len(message) - len(self.tail) + 1 else ""

    def framed(self) -> "Envelope":
        """The same around a whole event of a stream, as its bytes came."""
        return replace(self, head=f"{FRAME[0]}{self.head}", tail=f"{self.tail}{FRAME[1]}")

    def _at_another_second(self, message: str) -> bool:
        """Whether the tail is the same but for the digits of `created`; then it is the tail of the next ones."""
        if self.clock is None:
            return False
        begin, end = self.clock
        tail = message[-len(self.tail) :]
        digits = tail[begin:end]
        same = tail[:begin] == self.tail[:begin] and tail[end:] == self.tail[end:]
        if not (same and digits.isascii() and digits.isdigit() and digits[0] != "0"):
            return False
        self.tail = tail
        return True


def envelope_of(message: str, piece: Piece) -> Envelope | None:
    """The envelope of a message that shows one text and tells nothing else; None: it does, or the place is not sure.

    Args:
        message: JSON.
        piece: what was read of it.
    """
    shown = list(_shown(piece))
    if len(shown) != 1 or _tells_more(piece):
        return None
    part, index, text = shown[0]
    for written in {_ASCII.encode(text), _PLAIN.encode(text)}:
        if message.count(written) == 1:
            head, _, tail = message.partition(written)
            clock = clock_of(tail)
            later = f"{tail[: clock[0]]}{_LATER}{tail[clock[1] :]}" if clock else tail
            if means(f'{head}"', f'"{later}', piece, part):
                # One further, for the quote that closes the text.
                seconds = (clock[0] + 1, clock[1] + 1) if clock else None
                return Envelope(f'{head}"', f'"{tail}', part, index, piece.token_ids, seconds)
    return None


def clock_of(tail: str) -> tuple[int, int] | None:
    """Where the digits of the one `created` of a tail stand."""
    found = list(_CREATED.finditer(tail))
    return found[0].span(1) if len(found) == 1 else None


def _shown(piece: Piece) -> Iterator[tuple[str, int, str]]:
    if piece.text:
        yield "text", 0, piece.text
    if piece.reasoning:
        yield "reasoning", 0, piece.reasoning
    for call in piece.calls:
        yield "arguments", call.index, call.arguments


def _tells_more(piece: Piece) -> bool:
    """Whether it changes more of a reply than one text; an empty text is seen by nothing."""
    more = (piece.finish_reason, piece.usage, piece.timings, piece.metrics, piece.durations, piece.error, piece.done)
    return any(more) or any(call.id or call.name or not call.arguments for call in piece.calls)


def means(head: str, tail: str, piece: Piece, part: str) -> bool:
    """Whether a message around another text says the same as a piece, but for this text."""
    try:
        payload = parse(f"{head}{_OTHER}{tail}")
    except UntrustedJsonError:
        return False
    if not isinstance(payload, dict):
        return False
    found = piece_of(payload)
    if part == "arguments":
        if len(found.calls) != 1 or found.calls[0].arguments != _OTHER:
            return False
        found.calls[0].arguments = piece.calls[0].arguments
    elif part == "text":
        if found.text != _OTHER:
            return False
        found.text = piece.text
    else:
        if found.reasoning != _OTHER:
            return False
        found.reasoning = piece.reasoning
    return found == piece
