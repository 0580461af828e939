"""How an engine is started and ended, decided before anything runs.

A `Launch` is all that whoever starts an engine needs: it is printed by `onbox up --print`, run by the stand-up under
the supervisor, and read by watcher and guard for the landmarks and the container's name.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from onbox.engines.log_lines import LogLines
from onbox.engines.variables import by_name

LABEL = "onbox"
"""Label of every container that onbox starts; only such containers are ever stopped or removed."""


@dataclass(frozen=True)
class Launch:
    """One engine, ready to be started.

    `argv` runs in the foreground until the engine ends, and its standard output and error are the engine's log. For a
    container it is the client (`docker run` without `-d`): ending the client's process does not surely end the
    container, so `end` has to be run as well.
    """

    argv: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    """Variables on top of our own, for the process that `argv` starts. A container's own are in `argv` (`--env`); of
    those whose value `${NAME}` is filled at the start, `argv` has the name, and this what fills it."""
    log: LogLines = field(default_factory=LogLines)
    stop_hint: str = ""
    """What to try when it dies at start."""
    launcher: Literal["process", "docker", "podman"] = "process"
    container: str | None = None
    """Name of the container; None for a process."""
    image: str | None = None
    """The image's reference, by digest where that is known."""
    end: tuple[tuple[str, ...], ...] = ()
    """Commands that end it whatever happened to the client, in this order, each harmless when it is gone already; empty
    for a process, whose group is signalled: TERM, then KILL."""
    build: tuple[str, ...] = ()
    """The command that makes the image when it is not here; empty for one that is fetched."""
    version: str | None = None
    """Of the engine, as far as it can be seen before the start."""

    def shown(self) -> str:
        """The command as one can paste it into a shell, one option a line; what builds its image comes before it."""
        variables = [f"{name}={_quoted(value)}" for name, value in self.environment.items()]
        run = [*variables, *_by_option(self.argv, self.image)]
        build = _by_option(self.build, self.build[-1]) if self.build else []
        return "\n".join(" \\\n  ".join(lines) for lines in (build, run) if lines)


def _quoted(value: str) -> str:
    """Quoted so that a shell fills what is taken from its environment, and nothing else."""
    return f'"{value}"' if by_name(value) and not re.search(r'["`\\]|\$(?!\{)', value) else shlex.quote(value)


def _by_option(argv: Sequence[str], alone: str | None) -> list[str]:
    """The words quoted, each option with its value, and the word `alone` by itself."""
    lines = [shlex.quote(argv[0])]
    for word in argv[1:]:
        if word.startswith("-") or word == alone:
            lines.append(shlex.quote(word))
        else:
            lines[-1] += f" {shlex.quote(word)}"
    return lines
