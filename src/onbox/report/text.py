"""Text that others wrote, made fit to be shown: nothing in it hides, moves or ends what stands around it."""

import re
from typing import NamedTuple

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # soft hyphen, bidi, zero width
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"  # lone surrogates and noncharacters
    "\U000e0000-\U000e007f]"  # tags
)

_C0 = (
    "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US"
)
"""Written out in letters: the Unicode signs for them are missing in many fonts."""


TEXT_CHARACTERS_MAX = 50_000
"""Whatever a view asks for, no text of others is shown with more."""
LINE_CHARACTERS_MAX = 10_000


def visible(text: str, most: int = TEXT_CHARACTERS_MAX) -> str:
    """`text` with each control, bidi and invisible character replaced by a sign for it; newline and tab stay.

    The result can be encoded as UTF-8 even where `text` held lone surrogates.

    Args:
        text: of others.
        most: characters that are shown; of more the middle is left out.
    """
    if text.isprintable() and text.isascii() and len(text) <= most:
        return text
    return _HIDDEN.sub(_sign, _bounded(text, most).replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Like `visible`, with signs for newline and tab too."""
    return visible(_bounded(text, LINE_CHARACTERS_MAX)).replace("\n", "↵").replace("\t", "⇥")


def _bounded(text: str, most: int) -> str:
    """The text, its middle left out where it is longer than anybody reads."""
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}⟨{len(text) - most:,} characters left out⟩{text[-(most - most // 2) :]}"


def _sign(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return f"⟨{_C0.split()[code]}⟩"
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape: a byte that was no UTF-8
        return f"⟨byte {code - 0xDC00:02X}⟩"
    return f"⟨U+{code:04X}⟩"


class TruncatedText(NamedTuple):
    """A text whose middle may have been left out."""

    head: str
    omitted: int
    """Characters between `head` and `tail`; 0 when the text is whole."""
    tail: str = ""


def cut(text: str, limit: int) -> TruncatedText:
    """Keep `limit` characters of `text`: two thirds from its start, one third from its end."""
    if len(text) <= limit:
        return TruncatedText(text, 0)
    head = limit * 2 // 3
    return TruncatedText(text[:head], len(text) - limit, text[head - limit :])
