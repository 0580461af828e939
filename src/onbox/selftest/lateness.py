"""Whether anything stood still while a shape was measured: then its rate was not the known one, or was not seen."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from onbox.selftest.server import LATE_S, LATE_WRITES
from onbox.wire.client import StampedClient

STEP_S = 0.005
_WRITES = re.compile(rf"^{LATE_WRITES} (\d+)", re.MULTILINE)


class Metronome:
    """A thread of this process that wakes at fixed moments and notes when it came late: so did the client's stamps."""

    def __init__(self) -> None:
        self._late_at: list[float] = []
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

    def late_since(self, moment: float) -> bool:
        """Whether it came late after this moment of the monotonic clock."""
        return any(late > moment for late in list(self._late_at))

    def _beat(self) -> None:
        while not self._stop.is_set():
            due = time.monotonic() + STEP_S
            time.sleep(STEP_S)
            now = time.monotonic()
            if now - due > LATE_S:
                self._late_at.append(now)


def late_writes(client: StampedClient) -> int | None:
    """How often a server of known truth came late so far; None where it has no counters."""
    exchange = client.get("/metrics")
    found = _WRITES.search(exchange.body().decode("utf-8", "replace")) if exchange.status == 200 else None
    return int(found[1]) if found else None
