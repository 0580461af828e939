"""Numbers of papers."""

from desk import state

_last = 0


def next_number():
    global _last
    _last += 1
    return f"{state.PREFIX}-{state.now()[:4]}-{_last:03d}"
