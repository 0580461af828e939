"""What an engine's log says while it starts: landmarks of phases, backends, figures, and why it failed.

One table an engine, in its own module; the stand-up, the watcher, the guard and the proof of the backend all read the
same one. Each line knows the versions that write it, so that a recording of an old version is read as it was meant. A
line that never came says nothing: what it would have proven is unknown.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, TypeVar

Phase = Literal[
    "fetch",
    "unpack",
    "build",
    "start",
    "load",
    "finalize",
    "compile",
    "kernels",
    "profile",
    "kv",
    "tune",
    "capture",
    "ready",
    "serving",
]
PHASES: tuple[Phase, ...] = (
    "fetch", "unpack", "build", "start", "load", "finalize", "compile", "kernels", "profile", "kv", "tune", "capture",
    "ready", "serving",
)  # fmt: skip
"""All phases of a stand-up in their usual order. An engine may leave some out, and go through some twice.

| phase | what happens |
|---|---|
| fetch, unpack, build | weights or image come here; before the engine's process |
| start | the process runs, nothing is loaded yet |
| load | weights are read |
| finalize | weights are repacked for the chosen kernels: the spike of memory |
| compile | the first run: the graph of the model is traced and compiled |
| kernels | a compiler of CUDA or C++ works, as nvcc, cicc or cc1plus: seen by its process, whatever the log says |
| profile | memory is profiled, that of CUDA graphs too |
| kv | the KV cache is taken |
| tune, capture | kernels are tried out; CUDA graphs are captured |
| ready | all is loaded; the HTTP server comes up |
| serving | requests are answered |
"""


@dataclass(frozen=True)
class Landmark:
    """A line that says: now `phase` begins, and the one before it has ended."""

    phase: Phase
    pattern: str
    """Searched for in a line without the supervisor's stamp."""
    since: str = ""
    """The first version that writes it; empty is any."""
    until: str = ""
    """The first version that does not write it any more; empty is none."""


@dataclass(frozen=True)
class BackendLine:
    """A line that names the kernels in use, or the device, in the group `backend`."""

    part: Literal["moe", "attention", "flash_attention", "device"]
    pattern: str
    since: str = ""
    until: str = ""
    warning: bool = False
    """The line is the reason for a fallback; it may have no group."""


@dataclass(frozen=True)
class Figure:
    """A line with a number in the group `value`."""

    name: Literal[
        "loaded_bytes", "checkpoint_bytes", "kv_cache_bytes", "kv_cache_tokens", "graph_bytes", "load_s", "compile_s"
    ]
    pattern: str
    factor: float = 1.0
    """From the unit of the log to the unit in the name."""
    since: str = ""
    until: str = ""


@dataclass(frozen=True)
class Failure:
    """A line that tells why a start fails, and what to do about it."""

    id: str
    pattern: str
    next_step: str
    since: str = ""
    until: str = ""
    fatal: bool = True
    """False for a line that a healthy start may write too."""


@dataclass(frozen=True)
class LogLines:
    """All that onbox knows of one engine's log."""

    landmarks: tuple[Landmark, ...] = ()
    backends: tuple[BackendLine, ...] = ()
    figures: tuple[Figure, ...] = ()
    failures: tuple[Failure, ...] = ()
    version: str = ""
    """A pattern whose group `version` is the engine's own version."""
    progress: tuple[str, ...] = field(default=())
    """Patterns with groups `done` and `total` that count within a phase."""

    def of_version(self, version: str | None) -> "LogLines":
        """Only what `version` writes; everything when it is not known."""
        if version is None or not numbers(version):
            return self
        return replace(
            self,
            landmarks=_of(self.landmarks, version),
            backends=_of(self.backends, version),
            figures=_of(self.figures, version),
            failures=_of(self.failures, version),
        )

    def landmark(self, line: str) -> Landmark | None:
        """The first landmark that the line is."""
        return next((each for each in self.landmarks if re.search(each.pattern, line)), None)

    def failure(self, lines: Sequence[str]) -> tuple[Failure, str] | None:
        """The first failure that any of the lines is, in the order of the table, with its line."""
        for each in self.failures:
            for line in lines:
                if each.fatal and re.search(each.pattern, line):
                    return each, line
        return None

    def backend(self, line: str) -> tuple[BackendLine, str | None] | None:
        """The backend line that the line is, with the name that it tells."""
        for each in self.backends:
            if found := re.search(each.pattern, line):
                return each, found.groupdict().get("backend")
        return None

    def figure(self, line: str) -> dict[str, float]:
        """The figures that the line tells, by name, in the units of the names."""
        found: dict[str, float] = {}
        for each in self.figures:
            if match := re.search(each.pattern, line):
                found[each.name] = float(match["value"].replace(",", "")) * each.factor
        return found


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, to compare by: `0.32.0+cpu` is (0, 32, 0)."""
    match = re.search(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


class _Dated(Protocol):
    @property
    def since(self) -> str: ...
    @property
    def until(self) -> str: ...


_Line = TypeVar("_Line", bound=_Dated)


def _of(lines: tuple[_Line, ...], version: str) -> tuple[_Line, ...]:
    at = numbers(version)
    return tuple(
        each
        for each in lines
        if (not each.since or at >= numbers(each.since)) and (not each.until or at < numbers(each.until))
    )
