"""What the guard of an engine holds it to, worked out before anything starts: the reserve, and the plan."""

from onbox.launch.budget import Budget
from onbox.supervisor.settings import MemoryLimits

PROCESS_HORIZON_S = 0.3
CONTAINER_HORIZON_S = 1.0
"""A container is killed by its daemon, which takes 0.1 to 0.5 s longer than a signal."""


def limits_of(found: Budget, *, transient_bytes: int = 0, container: bool = False) -> MemoryLimits:
    """The limits for what was found on this box.

    Args:
        found: the plan and the reserve; that they fit was checked before (`onbox.launch.launch_checks`).
        transient_bytes: what the engine holds on top of the plan until it serves.
        container: whether a container's daemon has to end it.
    """
    return MemoryLimits(
        reserve_bytes=found.reserve_bytes,
        plan_bytes=found.plan_bytes,
        transient_bytes=transient_bytes,
        horizon_s=CONTAINER_HORIZON_S if container else PROCESS_HORIZON_S,
        unified=found.unified,
    )
