"""Doubts about a launch that are vLLM's own."""

from typing import TYPE_CHECKING

from onbox.engines.vllm.memory import utilisation, utilisation_is_checked_first
from onbox.schema.checks import Check, Status

if TYPE_CHECKING:
    from onbox.engines.base import LaunchSituation
    from onbox.schema.recipe import Recipe


def checks(recipe: "Recipe", launch: "LaunchSituation") -> tuple[Check, ...]:
    """Of a pinned cache: vLLM asks for its share of free memory first, and looks at the pin after it."""
    utilised = utilisation(recipe, launch.total_bytes)
    if utilised is None or not launch.unified:
        return ()
    share, wanted = utilised
    free, version = launch.available_bytes, launch.version or "of unknown version"
    evidence = f"{share:g} of all memory, which vLLM {version} wants free at its start although the cache is pinned"
    if wanted <= free:
        return (Check("launch.utilisation", Status.PASS, wanted, free, "bytes", evidence),)
    fits = int(100 * free / launch.total_bytes) / 100
    hint = f"gpu-memory-utilization {fits:g} or less beside kv-cache-memory-bytes, or free memory"
    read = utilisation_is_checked_first(launch.version)
    return (
        Check("launch.utilisation", Status.FAIL if read else Status.UNKNOWN, wanted, free, "bytes", evidence, hint),
    )
