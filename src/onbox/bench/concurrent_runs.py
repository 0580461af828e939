"""How many runs are under way on one engine at the same time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class ConcurrentRuns:
    """Counts, for each run under way, the most others that were under way at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._most: dict[object, int] = {}

    @contextmanager
    def counted(self) -> Iterator[Callable[[], int]]:
        """Be under way in the body; yields who tells the most others so far."""
        me = object()
        with self._lock:
            self._most[me] = 0
            others = len(self._most) - 1
            self._most = {each: max(most, others) for each, most in self._most.items()}
        try:
            yield lambda: self._most[me]
        finally:
            with self._lock:
                del self._most[me]
