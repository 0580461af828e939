"""Engines that live on this box already, and how each may be made to give way.

A container is stopped and started by docker. What `onbox up` started is stopped and started by its keeper. A process of
somebody else is named and nothing more: only who started it knows how to bring it back.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from onbox.engines.launch import LABEL

PROGRAMS = re.compile(
    r"(?:^|/)(?:vllm|llama-server|ollama|trtllm-serve|mistralrs-server|koboldcpp|text-generation-launcher|tabby)$"
    r"|^(?:vllm\.|sglang\.|llama_cpp\.server|tensorrt_llm\.)|llama_host\.py$"
)
"""A word among the first of a command line that makes it an engine's."""
FIRST_WORDS = 5
IMAGES = re.compile(r"vllm|sglang|llama|ollama|tensorrt-llm|trtllm|text-generation|tgi|atlas", re.IGNORECASE)
ANSWER_S = 10.0


@dataclass(frozen=True)
class Resident:
    """An engine that lives here."""

    kind: Literal["container", "onbox", "process"]
    name: str
    """What `--replace` takes; empty for a process of somebody else."""
    pid: int | None
    command: str
    held_bytes: int | None
    """Resident memory of its processes; what a GPU holds of unified memory is not in it."""

    def __str__(self) -> str:
        held = "" if self.held_bytes is None else f", {self.held_bytes / 2**30:.1f} GiB resident"
        who = f"process {self.pid}" if self.kind == "process" else f"{self.kind} {self.name}"
        return f"{who} ({self.command}{held})"


def residents(*, ours: Iterable[int] = ()) -> tuple[Resident, ...]:
    """All engines on this box that can be seen, containers first.

    Args:
        ours: processes that do not count, with all below them.
    """
    return (*_containers(), *_processes(set(ours)))


def _containers() -> list[Resident]:
    """Running containers of docker whose image or command is an engine's, and those that onbox labelled."""
    if shutil.which("docker") is None:
        return []
    found = []
    for line in _docker("ps", "--no-trunc", "--format", "{{json .}}").splitlines():
        with suppress(ValueError):
            told: dict[str, Any] = json.loads(line)
            labels, image = str(told.get("Labels", "")), str(told.get("Image", ""))
            ours = any(label.partition("=")[0] == LABEL for label in labels.split(","))
            words = str(told.get("Command", "")).strip('"').split()
            if ours or IMAGES.search(image) or _is_engine(words):
                pid = _docker("inspect", "--format", "{{.State.Pid}}", str(told.get("ID"))).strip()
                number = int(pid) if pid.isdigit() else None
                name = str(told.get("Names", "")).split(",")[0]
                found.append(Resident("container", name, number, image, _held(number)))
    return found


def _processes(ours: set[int]) -> list[Resident]:
    """Engines outside containers; of a tree of them the root."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if _is_engine(process.cmdline()) and not _in_container(process.pid):
                found[process.pid] = process
    roots = []
    for pid, process in found.items():
        with suppress(psutil.Error):
            above = process.parents()
            if {pid, *(each.pid for each in above)} & ours or any(each.pid in found for each in above):
                continue
            name = _name_by_keeper(above)
            command = " ".join(Path(word).name if word.startswith("/") else word for word in process.cmdline()[:3])
            roots.append(Resident("onbox" if name else "process", name, pid, command, _held(pid)))
    return roots


def _is_engine(words: list[str]) -> bool:
    return any(PROGRAMS.search(word) for word in words[:FIRST_WORDS])


def _name_by_keeper(above: list[psutil.Process]) -> str:
    """The name under which `onbox up` started it: its keeper's command line has the file that `onbox ps` reads."""
    for process in above:
        words = process.cmdline()
        if any("onbox/standup/keeper" in word for word in words):
            for word in words:
                with suppress(ValueError, TypeError, AttributeError):
                    return Path(json.loads(word).get("state_file") or "").name.removesuffix(".keeper.json")
    return ""


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


def _docker(*arguments: str) -> str:
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            ["docker", *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWER_S, check=False
        )
        return done.stdout.decode("utf-8", "replace")
    return ""
