"""The lifetimes of a contender's engine: phases, memory, what was checked before, the end of its log."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from onbox.errors import OnboxError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import GuardStopped, LaunchRecord, StandUp
from onbox.view.memory import MemoryHistory, course, engine_memory

LOG_BYTES = 32_768
LIVES_MAX = 12

R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True)
class LifePage:
    """One lifetime."""

    where: str
    """Its folder, relative to the trial's."""
    up: StandUp | None
    memory: MemoryHistory
    """While it stood up."""
    life: MemoryHistory
    """From its start to its end."""
    checks: LaunchRecord | None
    guard: GuardStopped | None
    log: str
    log_cut: bool
    problems: tuple[str, ...]


def lives(folder: TrialFolder, contender: str) -> tuple[list[LifePage], int]:
    """Every lifetime on this box and on the nodes of a cluster, the last one first, and how many are left out."""
    home = folder.contender(contender)
    places = sorted([*home.glob("standup*"), *home.glob("nodes/*/standup*")], key=_age)
    places = [place for place in places if place.is_dir()]
    return [_life(folder, place) for place in places[:LIVES_MAX]], max(0, len(places) - LIVES_MAX)


def _age(place: Path) -> tuple[str, int]:
    """`standup` is the last life, `standup.1` the first."""
    number = place.name.partition(".")[2]
    return str(place.parent), -int(number) if number.isdecimal() else -1_000_000


def _life(folder: TrialFolder, place: Path) -> LifePage:
    problems: list[str] = []
    memory = course(place / "samples.jsonl")
    if memory.problem:
        problems.append(f"samples.jsonl: {memory.problem}")
    log, cut = tail(place / "engine.log", LOG_BYTES)
    return LifePage(
        where=place.relative_to(folder.path).as_posix(),
        up=_read(folder, StandUp, place / "phases.json", problems),
        memory=memory,
        life=engine_memory(place / "memory.jsonl", memory.total_bytes),
        checks=_read(folder, LaunchRecord, place / "launch.json", problems),
        guard=_read(folder, GuardStopped, place / "guard.json", problems),
        log=log,
        log_cut=cut,
        problems=tuple(problems),
    )


def _read(folder: TrialFolder, model: type[R], path: Path, problems: list[str]) -> R | None:
    try:
        return folder.read_if_there(model, path)
    except OnboxError as error:
        problems.append(error.message.replace(f"{folder.path}/", ""))
        return None


def tail(path: Path, limit: int) -> tuple[str, bool]:
    """The end of a text file, and whether there is more before it; empty where there is none."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - limit))
            data: bytes = file.read(limit)
    except OSError:
        return "", False
    if size > limit:
        data = data.partition(b"\n")[2] or data
    return data.decode("utf-8", "surrogateescape"), size > limit
