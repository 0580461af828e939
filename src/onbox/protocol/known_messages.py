"""Messages that a server has sent before, in other replies, but for the id of the reply and the second.

Every reply of a server begins and ends alike, and its texts come in the same envelope. What a message means is read
once; another one that differs in its one `"id"`, its one `"created"` and, in an envelope, its text means the same. That
id and second say nothing is tried with others in their place before a message is known.
"""

from dataclasses import dataclass, replace
from json.decoder import scanstring  # type: ignore[attr-defined]

from onbox.protocol.api_formats import Piece, piece_of
from onbox.protocol.envelopes import Envelope, clock_of, means
from onbox.untrusted_json import UntrustedJsonError, parse

MESSAGES_MAX, ENVELOPES_MAX = 64, 16
"""Then all are forgotten: a server that writes something new into each is not worth remembering."""
LENGTH_MAX = 2000
SECOND_DIGITS = 10
_ID, _CREATED = '"id":', '"created":'
Span = tuple[int, int]
Shape = tuple[str, ...]
"""A message without its id and second: what stands before, between and behind them, and which of them stood there."""


@dataclass(frozen=True, slots=True)
class _Template:
    """An envelope with its text, id and second left open."""

    head: Shape
    tail: Shape
    anchor: str
    """The end of the head, from its last id or second on: behind it the text begins."""
    part: str
    token_ids: int | None
    piece: Piece


class KnownMessages:
    """What was learned from earlier replies; shared by all of a process."""

    def __init__(self) -> None:
        self._whole: dict[Shape, Piece] = {}
        self._templates: tuple[_Template, ...] = ()

    def recognize(self, message: str) -> tuple[Piece, Envelope | None] | None:
        """What a message adds to a reply, and its envelope where it shows one text; None: it has to be parsed."""
        if len(message) > LENGTH_MAX:
            return None
        known = self._whole.get(_shape(message))
        if known is not None:
            return known, None
        return next((found for each in self._templates if (found := _in_template(message, each))), None)

    def learn(self, message: str, piece: Piece) -> bool:
        """Remember a message that was parsed; False: it shows or counts something, or its id or second matter."""
        if len(message) > LENGTH_MAX or not _says_little(piece) or not _means_alike(message, piece):
            return False
        if len(self._whole) >= MESSAGES_MAX:
            self._whole.clear()
        self._whole[_shape(message)] = piece
        return True

    def learn_envelope(self, piece: Piece, envelope: Envelope) -> None:
        """Remember the envelope of a message that shows one text, where its id and second do not matter."""
        head, tail = _others(envelope.head), _others(envelope.tail)
        if not means(head, tail, piece, envelope.part):
            return
        shape = _shape(envelope.head)
        template = _Template(shape, _shape(envelope.tail), shape[-1], envelope.part, envelope.token_ids, piece)
        known = self._templates if len(self._templates) < ENVELOPES_MAX else ()
        self._templates = (*known, template)


def _in_template(message: str, template: _Template) -> tuple[Piece, Envelope] | None:
    at = message.find(template.anchor)
    begin = at + len(template.anchor)
    if at < 0 or not message.startswith('"', begin - 1) or _shape(message[:begin]) != template.head:
        return None
    try:
        text, end = scanstring(message, begin, True)
    except ValueError:
        return None
    tail = message[end - 1 :]
    if not text or _shape(tail) != template.tail:
        return None
    piece, index = template.piece, 0
    if template.part == "arguments":
        index = piece.calls[0].index
        piece = replace(piece, calls=(replace(piece.calls[0], arguments=text),))
    else:
        piece = replace(piece, **{template.part: text})
    return piece, Envelope(message[:begin], tail, template.part, index, template.token_ids, clock_of(tail))


def _says_little(piece: Piece) -> bool:
    more = (piece.usage, piece.timings, piece.metrics, piece.durations, piece.error, piece.token_ids)
    return not piece.visible and not any(more)


def _means_alike(message: str, piece: Piece) -> bool:
    """Whether another id and another second change nothing."""
    try:
        payload = parse(_others(message))
    except UntrustedJsonError:
        return False
    return isinstance(payload, dict) and piece_of(payload) == piece


def _spans(text: str) -> list[tuple[Span, str]]:
    """Where the one id and the one second of a message stand, in their order; what is there twice is left alone."""
    found = []
    if (at := text.find(_ID)) >= 0 and text.find(_ID, at + 1) < 0 and (span := _id_at(text, at + len(_ID))):
        found.append((span, _ID))
    if (at := text.find(_CREATED)) >= 0 and text.find(_CREATED, at + 1) < 0:
        begin = at + len(_CREATED)
        begin += text.startswith(" ", begin)
        end = begin + SECOND_DIGITS
        digits = text[begin:end]
        whole = len(digits) == SECOND_DIGITS and digits.isascii() and digits.isdigit() and digits[0] != "0"
        if whole and text.startswith((",", "}"), end):
            found.append(((begin, end), _CREATED))
    return sorted(found)


def _id_at(text: str, begin: int) -> Span | None:
    begin += text.startswith(" ", begin)
    if not text.startswith('"', begin):
        return None
    end = text.find('"', begin + 1)
    value = text[begin + 1 : end]
    return (begin + 1, end) if end > 0 and "\\" not in value and value.isascii() and value.isprintable() else None


def _shape(text: str) -> Shape:
    parts, at = [], 0
    for (begin, end), kind in _spans(text):
        parts += [text[at:begin], kind]
        at = end
    return (*parts, text[at:])


def _others(text: str) -> str:
    """The text with another id and another second."""
    for (begin, end), kind in reversed(_spans(text)):
        text = f"{text[:begin]}{'another-id' if kind == _ID else '1' * SECOND_DIGITS}{text[end:]}"
    return text
