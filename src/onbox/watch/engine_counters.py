"""An engine's own counters, a few lines of its Prometheus text; read rarely and with a short limit."""

import math
import re

from onbox.engines.registry import all_facts, metrics_paths
from onbox.watch.samples import TokenCounts
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from onbox.wire.limits import WireLimits

TIMEOUT_S = 1.0
"""Of silence."""
LIMITS = WireLimits(reply_bytes=4 * 2**20, request_s=3.0, head_s=2.0)
"""A server that never ends must not stop the watch over it."""
_COUNTERS = [facts.profile.counters for facts in all_facts() if facts.profile and facts.profile.counters]
RUNNING = tuple(name for each in _COUNTERS for name in each.running)
WAITING = tuple(name for each in _COUNTERS for name in each.waiting)
DONE = tuple(name for each in _COUNTERS for name in each.live)

KINDS = {
    **dict.fromkeys(RUNNING, "running"),
    **dict.fromkeys(WAITING, "waiting"),
    **dict.fromkeys(DONE, "done"),
}
SAMPLE = re.compile(
    rf"^({'|'.join(map(re.escape, KINDS))})(?:[ \t]*\{{(?:[^\"\n}}]|\"(?:[^\"\\\n]|\\.)*\")*\}})?[ \t]+(\S+)",
    re.MULTILINE,
)
"""A line of the text format: a name, labels whose values may hold anything, the value; a time may follow."""


class MetricsServer:
    """A server at a URL: is it up, and what do its counters say?

    Args:
        url: of its API, with or without `/v1`.

    Raises:
        UsageError: it is no URL of a server.
    """

    def __init__(self, url: str) -> None:
        self._endpoint = Endpoint.parse(url)
        self._paths = metrics_paths()
        """Where its counters may be: the first is asked, and goes to the end where it gave none."""

    def up(self) -> bool:
        """Whether `/health` answers 200; a server may say so and be wedged."""
        return self._get("/health") is not None

    def tokens(self) -> TokenCounts | None:
        """Its counters; None when it has none, or does not answer."""
        text = self._get(self._paths[0])
        counts = None if text is None else parse_tokens(text)
        if counts is None:
            self._paths = (*self._paths[1:], self._paths[0])
        return counts

    def _get(self, path: str) -> str | None:
        with StampedClient(self._endpoint, TIMEOUT_S, TIMEOUT_S, LIMITS) as client:
            exchange = client.get(path)
        is_whole = exchange.status == 200 and not exchange.error
        return exchange.body().decode("utf-8", "replace") if is_whole else None


def parse_tokens(text: str) -> TokenCounts | None:
    """Sum the counters over their labels; None when the engine is not one of those known here.

    Not by prometheus-client: a usual page takes it 15 ms, and 0.5 ms this way, and it brings 14 MB of memory with it
    (measured on two cores). A test holds this reading against that one.
    """
    sums = {"running": 0.0, "waiting": 0.0, "done": 0.0}
    found = False
    for name, value in SAMPLE.findall(text):
        number = _number(value)
        if (kind := KINDS.get(name)) is not None and number is not None:
            sums[kind] += number
            found = True
    return TokenCounts(sums["running"], sums["waiting"], sums["done"]) if found else None


def _number(text: str) -> float | None:
    """A count; None for what is none, such as NaN."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
