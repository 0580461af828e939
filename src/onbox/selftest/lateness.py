"""By how much anything came late where it counts: then the rate of a server was not the known one, or was not seen.

A rate is tokens over the time from the first burst to the last, so lateness counts at the two ends of a reply, and in
the middle only where so much of it is lost that tokens come together.
"""

import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from onbox.evidence.records import Exchange
from onbox.selftest.server import END, LATE_SECONDS
from onbox.wire.client import StampedClient

STEP_S = 0.005
ENDS_LATE_S = 0.03
"""Of all requests of a shape together: a half of the percent that may be lost."""
LATE_SHARE = 0.2
"""Of the time of a shape."""
_SECONDS = re.compile(rf"^{LATE_SECONDS} ([\d.e-]+)", re.MULTILINE)


class Metronome:
    """A thread of this process that wakes at fixed moments and notes when it came late: so did the client's stamps."""

    def __init__(self) -> None:
        self._late: list[tuple[float, float]] = []
        """(when it should have woken, when it did), in seconds of the monotonic clock."""
        self._stop = threading.Event()

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Beat while the block runs."""
        thread = threading.Thread(target=self._beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def late_s(self, since: float, until: float) -> list[float]:
        """By how much it was late, each time that touches this span."""
        return [woke - due for due, woke in list(self._late) if woke >= since and due <= until]

    def _beat(self) -> None:
        while not self._stop.is_set():
            due = time.monotonic() + STEP_S
            time.sleep(STEP_S)
            woke = time.monotonic()
            if woke - due > STEP_S:
                self._late.append((due, woke))


def was_late(metronome: Metronome, exchanges: Sequence[Exchange], began: float, server_late_s: float) -> bool:
    """Whether too much was lost, by this process or by the server, for the rate to be the known one.

    Args:
        metronome: of this process.
        exchanges: all requests of the shape.
        began: when its measurement began, in seconds of the monotonic clock.
        server_late_s: by how much the server was late at the ends of its replies, in all.
    """
    ends_s = sum(max(metronome.late_s(*end), default=0.0) for exchange in exchanges for end in _ends(exchange))
    now = time.monotonic()
    return ends_s + server_late_s > ENDS_LATE_S or sum(metronome.late_s(began, now)) > LATE_SHARE * (now - began)


def _ends(exchange: Exchange) -> Iterator[tuple[float, float]]:
    stamps = [(exchange.t0_ns + t_ns) / 1e9 for t_ns, _ in exchange.chunks]
    if stamps:
        some = max(1, len(stamps) // END)
        yield stamps[0] - STEP_S, stamps[some - 1]
        yield stamps[-some] - STEP_S, stamps[-1]


def server_late_s(client: StampedClient) -> float:
    """By how much a server of known truth was late so far; 0 where it has no counters."""
    exchange = client.get("/metrics")
    found = _SECONDS.search(exchange.body().decode("utf-8", "replace")) if exchange.status == 200 else None
    return float(found[1]) if found else 0.0
