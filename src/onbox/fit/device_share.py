"""What each of several devices holds when all of them work on every layer (tensor parallel)."""

from dataclasses import dataclass

from onbox.fit.resident import Resident
from onbox.weights.facts import Facts
from onbox.weights.parts import Part

WHOLE_ON_EACH = (Part.NORM, Part.ROUTER)
"""Parts that engines do not divide; together a thousandth of a large model."""


@dataclass(frozen=True)
class DeviceShare:
    """Of one device, in bytes. Between `least_bytes` and `total_bytes`, as far as it is not known what is divided."""

    devices: int
    weights_bytes: int
    kv_bytes: int
    """At most: a head that fewer devices have than there are is kept again, a compressed entry by each."""
    state_bytes: int
    """At most: not divided."""
    allowance_bytes: int
    """Of each: activations, graphs and the engine itself."""
    total_bytes: int
    least_bytes: int
    """Cache and state divided evenly."""


def device_share(
    facts: Facts, weighed: Resident, *, context: int, concurrency: int, kv_dtype: str, allowance: int, devices: int
) -> DeviceShare:
    """Divide the model among devices evenly, whatever their sizes.

    Args:
        context: tokens kept for each sequence.
        concurrency: sequences at once.
        allowance: bytes of one device.
        devices: two or more.
    """
    whole = sum(group.nbytes for group in facts.groups if group.part in WHOLE_ON_EACH)
    kept = round((weighed.weights_bytes - whole) / devices) + whole
    state = facts.cache.state_bytes * concurrency
    cache = round(facts.cache.device_bytes(context, kv_dtype, devices) * concurrency)
    even = round(facts.cache.kept_bytes(context, kv_dtype) * concurrency / devices + state / devices)
    return DeviceShare(
        devices, kept, cache, state, allowance, kept + cache + state + allowance, kept + even + allowance
    )
