"""What the gates share that look at the agent's last message. Standard library only, Python 3.10 or newer."""

import html
import re
import unicodedata

from gatelib import LOGS, Fail


def reply_fields(*names):
    """What the agent's last message says behind `NAME:`, one for each name; FAIL_FORM."""
    found = {name: set() for name in names}
    for line in reply_lines():
        for name in names:
            if match := re.match(rf"{re.escape(name)}\s*[:=]\s*(.+)$", line, re.IGNORECASE):
                found[name].add(match[1].strip(" .\"'"))
    for name, values in found.items():
        if len(values) != 1:
            raise Fail("FAIL_FORM", f"{'no' if not values else 'more than one'} line gives {name}")
    return {name: values.pop() for name, values in found.items()}


def reply_lines():
    """The agent's last message as folded lines without markdown: no emphasis, code marks, bullets or table bars."""
    text = html.unescape((LOGS / "agent" / "reply.md").read_text("utf-8", "replace"))
    text = re.sub(r"\\(rightarrow|to)\b", "->", fold(text))
    text = re.sub(r"</?[a-zA-Z][^<>]*>|[*_`$\\]", "", text)
    return [re.sub(r"^[\s>#|•+-]+|[\s|]+$", "", line) for line in text.splitlines()]


_FOLD = {
    **dict.fromkeys("‐‑‒–—―−﹘﹣-", "-"),
    **dict.fromkeys("‘’‚‛′", "'"),
    **dict.fromkeys("“”„‟″", '"'),
    **dict.fromkeys("→⇒⟶➔➜➡⟹", "->"),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\ufe0f\u20e3\u00ad", ""),
}


def fold(text):
    """NFKC, with every dash, quote, arrow and space in its plain form, and invisible characters dropped."""
    normal = unicodedata.normalize("NFKC", text)
    return "".join(" " if unicodedata.category(char) == "Zs" else _FOLD.get(char, char) for char in normal)
