"""Engines that live on this box already, and how each may be made to give way.

A container is stopped and started by docker or podman. What `onbox up` started is stopped and started by its
supervisor. A process of somebody else is named and nothing more: only who started it knows how to bring it back.
"""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from onbox.engines.launch import LABEL
from onbox.engines.registry import all_facts
from onbox.launch.containers import running_containers
from onbox.schema.units import gib

_SIGNS = [facts.signs for facts in all_facts()]
PROGRAMS = {name: words for signs in _SIGNS for name, words in signs.programs.items()}
MODULES = tuple(module for signs in _SIGNS for module in signs.modules)
FIRST_WORDS = 5
SUPERVISORS = ("onbox/supervisor", "onbox/standup/keeper")
"""Where the script of a supervisor lies; the second is that of releases before 0.9."""
IMAGES = re.compile("|".join(re.escape(word) for signs in _SIGNS for word in signs.images), re.IGNORECASE)


@dataclass(frozen=True)
class RunningEngine:
    """An engine that lives here."""

    kind: Literal["container", "onbox", "process"]
    name: str
    """What `--replace` takes; empty for a process of somebody else, and for an engine of a trial that runs."""
    pid: int | None
    command: str
    held_bytes: int | None
    """Resident memory of its processes; what a GPU holds of unified memory is not in it."""

    def __str__(self) -> str:
        held = "" if self.held_bytes is None else f", {gib(self.held_bytes)} resident"
        who = {"process": f"process {self.pid}", "container": f"container {self.name}"}.get(self.kind)
        who = who or (f"{self.name}, by onbox up" if self.name else f"process {self.pid}, of onbox at work")
        return f"{who} ({self.command}{held})"


def running_engines(*, ours: Iterable[int] = ()) -> tuple[RunningEngine, ...]:
    """All engines on this box that can be seen, containers first.

    Args:
        ours: processes that do not count, with all below them.
    """
    return (*_containers(), *_processes(set(ours)))


def _containers() -> list[RunningEngine]:
    """Running containers whose image or command is an engine's, and those that onbox labelled."""
    return [
        RunningEngine("container", each.name, each.pid, each.image, _held(each.pid))
        for each in running_containers()
        if LABEL in each.labels or IMAGES.search(each.image) or is_engine(list(each.command))
    ]


def _processes(ours: set[int]) -> list[RunningEngine]:
    """Engines outside containers; of a tree of them the root."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if is_engine(process.cmdline()) and not _in_container(process.pid):
                found[process.pid] = process
    roots = []
    for pid, process in found.items():
        with suppress(psutil.Error):
            above = process.parents()
            if {pid, *(each.pid for each in above)} & ours or any(each.pid in found for each in above):
                continue
            name = _name_by_supervisor(above)
            kind: Literal["onbox", "process"] = "process" if name is None else "onbox"
            command = " ".join(Path(word).name if word.startswith("/") else word for word in process.cmdline()[:3])
            roots.append(RunningEngine(kind, name or "", pid, command, _held(pid)))
    return roots


def is_engine(words: list[str]) -> bool:
    """Whether a command line is an engine's server, by its first words."""
    for word, following in zip(words[:FIRST_WORDS], [*words[1:], ""], strict=False):
        wanted = PROGRAMS.get(Path(word).name)
        if word.startswith(MODULES) or (wanted is not None and (not wanted or following in wanted)):
            return True
    return False


def _name_by_supervisor(above: list[psutil.Process]) -> str | None:
    """The name under which `onbox up` started it: its supervisor's command line has the file that `onbox ps` reads.

    Empty for an engine that another command of onbox keeps; None for one without a supervisor.
    """
    for process in above:
        words = process.cmdline()
        if any(place in word for word in words for place in SUPERVISORS):
            for word in words:
                with suppress(ValueError, TypeError, AttributeError):
                    return Path(json.loads(word).get("state_file") or "").name.removesuffix(".keeper.json")
            return ""
    return None


def _in_container(pid: int) -> bool:
    try:
        return bool(re.search(r"docker|libpod|containerd|kubepods", Path(f"/proc/{pid}/cgroup").read_text()))
    except OSError:
        return False


def _held(pid: int | None) -> int | None:
    """Resident bytes of a process and all below it."""
    try:
        root = psutil.Process(pid) if pid else None
        return sum(each.memory_info().rss for each in (root, *root.children(recursive=True))) if root else None
    except psutil.Error:
        return None
