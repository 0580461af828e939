"""Which phase a line of the log begins: the tables of the engines, and of the clients that fetch, unpack and build."""

import re
from collections.abc import Iterable

from onbox.engines import log_lines
from onbox.engines.log_lines import Landmark

ENGINES = ("vllm", "llama-server", "sglang")

CLIENTS: tuple[Landmark, ...] = (
    Landmark("unpack", r": Extracting|^Loading layer|Loaded image|extracting sha256:"),
    Landmark("build", r"^Step \d+/\d+ :|^#\d+ \[.*\] (RUN|COPY|FROM)|^STEP \d+"),
    Landmark("fetch", r"Pulling from |Pulling fs layer|: Downloading|Copying blob|Unable to find image .* locally"),
    Landmark("fetch", r"Fetching \d+ files|Downloading shards|Downloading .*: +\d+%"),
)
"""What docker, podman, skopeo and clients of hubs print."""


class Landmarks:
    """Tables of landmarks, ready to be asked line by line.

    Args:
        tables: those to ask, the first match counts; by default all that onbox knows, for a log that nobody named.
    """

    def __init__(self, tables: Iterable[Landmark] | None = None) -> None:
        if tables is None:
            tables = (*(mark for name in ENGINES for mark in log_lines(name).landmarks), *CLIENTS)
        self._table = [(mark.phase, re.compile(mark.pattern)) for mark in tables]

    def phase_of(self, line: str) -> str | None:
        """The phase that this line begins; None for a line like any other."""
        return next((phase for phase, pattern in self._table if pattern.search(line)), None)
