"""Which further depths of context there is time for, by what the ones before took."""

import math
from collections.abc import Callable, Mapping, Sequence

DEPTH_REQUESTS = 4
"""At each further depth; one more shows first whether there is time for them."""
DEPTH_LEAST = 256
"""Tokens; less context than this hardly lengthens a step."""
DEEPER = 1.25
"""Times the deepest one that was measured: what is hardly deeper says nothing more."""

Measure = Callable[[int, float | None], tuple[float | None, bool]]
"""(tokens of context, seconds that a request may take) -> (seconds that the first took; None: it failed, whether the
others were made and none failed)."""


def measure_depths(
    wanted: Sequence[int],
    alone: tuple[int, float],
    budget_s: float | None,
    measure: Measure,
    say: Callable[[str], None],
) -> tuple[int, ...]:
    """Measure these depths, or less deep ones where there is no time for those.

    Args:
        wanted: tokens of context, the least first; none after one that fails.
        alone: depth that was measured before, and seconds that a request took there.
        budget_s: seconds for the requests of one depth; None: any.

    Returns:
        The depths that were measured, in the order in which they were.
    """
    limit_s = None if budget_s is None else budget_s / DEPTH_REQUESTS
    taken_s, measured = dict([alone]), list[int]()
    for each in wanted:
        depth, whole = depth_in_time(each, taken_s, limit_s), False
        while depth is not None and not whole:
            took_s, whole = measure(depth, limit_s)
            if took_s is None:
                return tuple(measured)
            taken_s[depth] = took_s
            measured += [depth] * whole
            depth = depth_in_time(each, taken_s, limit_s)
        if not whole:
            needs_s = math.ceil(DEPTH_REQUESTS * expected_s(each, taken_s))
            say(f"depth {each}: not measured (--budget {needs_s})")
            break
    if wanted and len(measured) == 1 and measured[0] // 2 >= DEPTH_LEAST:
        # Two points lie on a line whatever they say.
        _, whole = measure(measured[0] // 2, None)
        measured += [measured[0] // 2] * whole
    return tuple(measured)


def depth_in_time(wanted: int, taken_s: Mapping[int, float], limit_s: float | None) -> int | None:
    """The deepest context up to `wanted`, by halves, at which a request is expected within the limit.

    Args:
        wanted: tokens of context.
        taken_s: seconds that a request took, by depth; at least the shallowest.
        limit_s: seconds that a request may take; None: any.

    Returns:
        Tokens; None where nothing that is deeper than the deepest within the limit is left to try.
    """
    if limit_s is None:
        return wanted
    deepest = max((depth for depth, took_s in taken_s.items() if took_s <= limit_s), default=0)
    depth = wanted
    while depth >= max(DEPTH_LEAST, DEEPER * deepest):
        if depth not in taken_s and expected_s(depth, taken_s) <= limit_s:
            return depth
        depth //= 2
    return None


def expected_s(depth: int, taken_s: Mapping[int, float]) -> float:
    """Seconds that a request is expected to take, by a line through the two depths that were tried next to it.

    With one alone nothing is known of what context costs, and that one's time is the least.
    """
    known = sorted(taken_s.items(), key=lambda each: (abs(each[0] - depth), each[0]))[:2]
    if len(known) < 2:
        return known[0][1]
    (near, near_s), (far, far_s) = known
    return max(0.0, near_s + (near_s - far_s) / (near - far) * (depth - near))
