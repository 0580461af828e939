"""What this machine is and how fast it reads memory."""

from onbox import box
from onbox.box import Box
from onbox.box.gpu_selection import named


def describe_box(*, measure: bool = True) -> Box:
    """Memory by the rule that fits its kind, bandwidth, accelerators, pressure, and checks; nothing is sent or fetched.

    Args:
        measure: measure read bandwidth, which takes about two seconds.
    """
    return box.describe(measure=measure)


def gpu_names(found: Box) -> str:
    """What GPUs it has, like `2 x NVIDIA H200`."""
    return named(found.accelerators)
