"""Mail that goes out."""

from desk.state import SENT, now


def send(to, text):
    SENT.append((now(), to, text))


def sent_to(to):
    return [text for _, other, text in SENT if other == to]
