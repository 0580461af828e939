"""What this machine is: memory, read bandwidth, accelerators, pressure. Reads only, and never the network.

Example:
    >>> from onbox import box
    >>> box.describe().bandwidth.read_gb_s  # doctest: +SKIP
"""

from onbox.box.bandwidth import Bandwidth, cpu_bandwidth
from onbox.box.describe import Box, bandwidth, describe
from onbox.box.gpus import Accelerator, accelerators
from onbox.box.memory import Memory, memory
from onbox.schema.checks import Check

__all__ = [
    "Accelerator",
    "Bandwidth",
    "Box",
    "Check",
    "Memory",
    "accelerators",
    "bandwidth",
    "cpu_bandwidth",
    "describe",
    "memory",
]
