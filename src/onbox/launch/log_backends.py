"""What an engine's log tells of its kernels, device and sizes: the lines themselves, for the judge to weigh."""

from collections.abc import Iterable

from onbox.engines.log_lines import LogLines
from onbox.evidence.records import LoggedBackend

LINE_CHARS = 400
LOADED, LOADED_LINES = "loaded_bytes", "loaded_lines"
"""How many lines told what was loaded: of several devices each may, or one for all."""


def backends_in(lines: Iterable[str], log: LogLines) -> tuple[tuple[LoggedBackend, ...], dict[str, float]]:
    """The lines that name a backend, each once, and the figures.

    Args:
        lines: of the log, without the supervisor's stamps.
        log: what is known of this engine and version.

    Returns:
        Backends in the order of the log; figures by name. Lines that tell one figure for each of several devices are
        added up; the same line again is not.
    """
    found: dict[tuple[str, str | None, str], LoggedBackend] = {}
    figures: dict[str, float] = {}
    counted: set[str] = set()
    for line in lines:
        if (given := log.backend(line)) is not None:
            known, name = given
            text = line.strip()[:LINE_CHARS]
            record = LoggedBackend(part=known.part, backend=name, line=text, warning=known.warning)
            found.setdefault((known.part, name, str(known.warning)), record)
        if line not in counted:
            for name, value in log.figure(line).items():
                figures[name] = figures.get(name, 0.0) + value
                if name == LOADED:
                    figures[LOADED_LINES] = figures.get(LOADED_LINES, 0.0) + 1
                counted.add(line)
    return tuple(found.values()), figures
