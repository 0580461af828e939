"""An engine's counters and gauges: is anybody served, and what do the counters say before and after?"""

import time
from pathlib import Path

from onbox.atomic_files import write_atomic
from onbox.engines import Engine, all_facts
from onbox.engines.scrape import TEXT_CHARS_MAX, profile_of
from onbox.schema.engine_profile import EngineProfile
from onbox.wire.client import StampedClient

IDLE_SCRAPES = 3
IDLE_GAP_S = 0.3
QUIESCENCE_S = 10.0


class Scraper:
    """Reads the metrics of one server.

    Args:
        client: a connection to it.
        engine: knows where the metrics are and what they mean.
    """

    def __init__(self, client: StampedClient, engine: Engine) -> None:
        self._client = client
        self._engine = engine
        self.offered = self._scrape() is not None
        """Whether the engine offers counters."""

    def profile(self) -> EngineProfile | None:
        """How the server's counters are read: as its engine says, else by the names that they have."""
        facts = getattr(self._engine, "facts", None)
        known: EngineProfile | None = facts.profile if facts else getattr(self._engine, "profile", None)
        return known or (
            profile_of(self._scrape() or "", [each.profile for each in all_facts() if each.profile])
            if self.offered
            else None
        )

    def other_requests(self) -> list[dict[str, float]]:
        """What runs and waits, several times; nothing where the engine does not say."""
        found = []
        for _ in range(IDLE_SCRAPES if self.offered else 0):
            found.append(self._engine.idle(self._scrape() or ""))
            time.sleep(IDLE_GAP_S)
        return found

    def await_quiet(self) -> None:
        """Counters move when a request ends: wait until nothing runs before reading them."""
        deadline = time.monotonic() + QUIESCENCE_S
        while self.offered and time.monotonic() < deadline:
            running = self._engine.idle(self._scrape() or "")
            if not any(value for name, value in running.items() if not name.endswith("_total")):
                return
            time.sleep(IDLE_GAP_S)

    def keep(self, path: Path) -> None:
        """Write what the engine says now."""
        if self.offered:
            write_atomic(path, (self._scrape() or "").encode())

    def _scrape(self) -> str | None:
        if self._engine.metrics_path is None:
            return None
        exchange = self._client.get(self._engine.metrics_path)
        text = exchange.body().decode("utf-8", "replace")
        is_page = exchange.status == 200 and not exchange.error and len(text) <= TEXT_CHARS_MAX
        return text if is_page and "# TYPE" in text else None
