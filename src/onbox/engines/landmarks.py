"""Lines of a log that say in which phase of its stand-up an engine is.

A landmark is (phase, regular expression): a line that matches *begins* the phase. Of several that match, the first in
the table counts. Tables of different engines do not contradict each other, so that all of them together read the log of
an engine that nobody named.
"""

import re
from collections.abc import Iterable, Sequence

from onbox.engines.known import unknown_version
from onbox.engines.llama import log as llama_log
from onbox.engines.log_lines import PHASES, Failure, LogLines
from onbox.engines.ollama import log as ollama_log
from onbox.engines.sglang import log as sglang_log
from onbox.engines.vllm import log as vllm_log

__all__ = [
    "CONTAINERS",
    "DOWNLOADS",
    "EVERY",
    "FAILURES",
    "LLAMA_SERVER",
    "PHASES",
    "SGLANG",
    "VLLM",
    "Landmark",
    "Landmarks",
    "failure_of",
]

Landmark = tuple[str, str]


def _table(log: LogLines) -> tuple[Landmark, ...]:
    return tuple((mark.phase, mark.pattern) for mark in log.landmarks)


VLLM = _table(vllm_log.LOG)
LLAMA_SERVER = _table(llama_log.LOG)
SGLANG = _table(sglang_log.LOG)

CONTAINERS: tuple[Landmark, ...] = (
    ("unpack", r": Extracting|^Loading layer|Loaded image|extracting sha256:"),
    ("build", r"^Step \d+/\d+ :|^#\d+ \[.*\] (RUN|COPY|FROM)|^STEP \d+"),
    ("fetch", r"Pulling from |Pulling fs layer|: Downloading|Copying blob|Unable to find image .* locally"),
)
"""What docker, podman and skopeo print."""

DOWNLOADS: tuple[Landmark, ...] = (("fetch", r"Fetching \d+ files|Downloading shards|Downloading .*: +\d+%"),)
"""What hub clients print."""

EVERY: tuple[Landmark, ...] = (*VLLM, *LLAMA_SERVER, *SGLANG, *CONTAINERS, *DOWNLOADS)
"""For a log of an engine that nobody named."""


VERSIONS = (
    ("vllm", re.compile(r"Initializing a V1 LLM engine \(v(\d[^)\s]*)\)|vLLM (?:API )?server version (\d\S*)")),
    ("llama.cpp", re.compile(r"\bbuild_info: (b[1-9]\d*)|\bversion: [1-9]\d* \([0-9a-f]{7,}\)")),
)
"""Lines that tell the version of an engine, strict enough for a log of anything."""


def version_note(line: str) -> str:
    """One sentence if the line tells a version of an engine that onbox does not know; else empty."""
    for engine, pattern in VERSIONS:
        if (found := pattern.search(line)) and (version := next(filter(None, found.groups()), None)):
            return unknown_version(engine, version)
    return ""


FAILURES: tuple[Failure, ...] = tuple(
    each
    for log in (vllm_log.LOG, llama_log.LOG, sglang_log.LOG, ollama_log.LOG)
    for each in log.failures
    if each.fatal and each.id in ("no_memory", "memory", "cuda_memory", "no_kv_memory", "kernel_failed", "engine_dead")
)
"""Lines to quote where nothing gets on: memory that was refused, kernels that failed, a core that died."""

_ANY_FAILURE = re.compile("|".join(f"(?:{each.pattern})" for each in FAILURES))


def failure_of(line: str) -> Failure | None:
    """The failure that this line of any engine's log tells; None for a line like any other."""
    if not _ANY_FAILURE.search(line):
        return None
    return next(each for each in FAILURES if re.search(each.pattern, line))


class Landmarks:
    """A table of landmarks, ready to be asked line by line."""

    def __init__(self, table: Iterable[Landmark] = EVERY) -> None:
        self._table: Sequence[tuple[str, re.Pattern[str]]] = [(phase, re.compile(text)) for phase, text in table]

    def phase_of(self, line: str) -> str | None:
        """The phase that this line begins; None for a line like any other."""
        return next((phase for phase, pattern in self._table if pattern.search(line)), None)
