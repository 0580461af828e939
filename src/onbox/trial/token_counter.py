"""The rate of tokens that a live view shows while a server answers."""

import time
from collections.abc import Callable

from onbox.evidence.decode_rate import pooled_tok_s
from onbox.trial import events

TOKENS_EVERY_S = 0.25


class TokenCounter:
    """Turns counts of events on the wire into a rate for the eye, a few times a second."""

    def __init__(self, contender: str, show: Callable[[events.Event], None]) -> None:
        self._contender = contender
        self._show = show
        self._since = time.monotonic()
        self._recent = 0
        self._total = 0

    def add(self, count: int) -> None:
        """Count events of one read."""
        self._recent += count
        self._total += count
        passed = time.monotonic() - self._since
        if passed >= TOKENS_EVERY_S:
            # After a silence the first rate would be of that silence.
            rate = pooled_tok_s([(self._recent, passed)])
            if rate is not None and passed < 4 * TOKENS_EVERY_S:
                self._show(events.TokenProgress(self._contender, rate, self._total))
            self._recent, self._since = 0, time.monotonic()
