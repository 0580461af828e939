"""Will it fit, how fast can it be at best, is a claimed rate possible: from real bytes.

Example:
    >>> from onbox import fit, weights
    >>> facts = weights.read("models/gpt-oss-120b")  # doctest: +SKIP
    >>> told = fit.fit(facts, context=4096, nominal_gb_s=273, measured_gb_s=233, rate_tok_s=59.5)  # doctest: +SKIP
    >>> told.ceiling_tok_s, told.chosen.plausibility.verdict  # doctest: +SKIP
"""

from onbox.fit.ceiling import Fit, Scenario, Step, fit, step_bytes
from onbox.fit.device_share import DeviceShare
from onbox.fit.memory_plan import AvailableMemory, MemoryPlan, Risk, memory_plan, room
from onbox.fit.resident import BYTES_PER_WEIGHT, Resident, parse_overrides, plausible, resident
from onbox.fit.roofline import (
    Plausibility,
    Slope,
    ceiling_tok_s,
    context_slope,
    experts_touched,
    plausibility,
)

__all__ = [
    "BYTES_PER_WEIGHT",
    "AvailableMemory",
    "DeviceShare",
    "Fit",
    "MemoryPlan",
    "Plausibility",
    "Resident",
    "Risk",
    "Scenario",
    "Slope",
    "Step",
    "ceiling_tok_s",
    "context_slope",
    "experts_touched",
    "fit",
    "memory_plan",
    "parse_overrides",
    "plausibility",
    "plausible",
    "resident",
    "room",
    "step_bytes",
]
