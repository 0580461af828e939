"""What a supervisor is told about its engine, as one JSON argument."""

import json
from typing import NamedTuple


class MemoryLimits(NamedTuple):
    """What the guard holds the box's memory against, in bytes.

    Args:
        reserve_bytes: what must stay available to everything else.
        plan_bytes: what the engine will hold when it serves; None: not known, so nothing is trusted.
        transient_bytes: what it holds on top for a moment until it serves.
        horizon_s: from the decision to stop to the end of growth, one interval between samples included.
        unified: whether an accelerator takes its memory from the host's.
    """

    reserve_bytes: int
    plan_bytes: int | None = None
    transient_bytes: int = 0
    horizon_s: float = 0.3
    unified: bool = False


class ContainerRef(NamedTuple):
    """A container that the engine runs in, by the name that onbox gave it."""

    runtime: str
    """`docker` or `podman`: the program."""
    name: str


class Settings(NamedTuple):
    """All that a supervisor is told.

    Args:
        log: the file that the engine's words are appended to.
        landmarks: (phase, regular expression of the log line with which it begins).
        limits: None: no guard.
        guard_file: where the guard writes what it saw when it stops the engine.
        memory_file: where the guard keeps what it sees of the box's memory every few seconds; None: nowhere.
        state_file: what becomes of the engine, kept current for `onbox ps`; None: nobody asks.
        container: None: the engine is the command itself.
        afterwards: commands to run when the engine is gone, to bring back what it had replaced.
    """

    log: str
    landmarks: tuple[tuple[str, str], ...] = ()
    limits: MemoryLimits | None = None
    guard_file: str | None = None
    memory_file: str | None = None
    state_file: str | None = None
    container: ContainerRef | None = None
    afterwards: tuple[tuple[str, ...], ...] = ()

    def to_json(self) -> str:
        """The one argument that says it all."""
        nested = {
            "limits": None if self.limits is None else self.limits._asdict(),
            "container": None if self.container is None else self.container._asdict(),
        }
        return json.dumps(self._asdict() | nested)

    @classmethod
    def from_json(cls, text: str) -> "Settings":
        """The inverse of `to_json`."""
        found = json.loads(text)
        limits, container = found.pop("limits", None), found.pop("container", None)
        return cls(
            **{
                **found,
                "landmarks": tuple((phase, pattern) for phase, pattern in found.get("landmarks", ())),
                "afterwards": tuple(tuple(command) for command in found.get("afterwards", ())),
            },
            limits=MemoryLimits(**limits) if limits else None,
            container=ContainerRef(**container) if container else None,
        )
