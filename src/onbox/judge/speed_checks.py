"""The validity rules of a decode measurement: which there are, and which of them a number must not fail."""

from onbox.judge import speed_box as box
from onbox.judge import speed_gpu as gpu
from onbox.judge import speed_quiet as quiet
from onbox.judge import speed_steady as steady
from onbox.judge import speed_traffic as traffic
from onbox.judge import speed_whole as whole
from onbox.judge.results import Check
from onbox.judge.speed_ceiling import ceiling
from onbox.judge.speed_seen import Seen
from onbox.judge.words import sentence

HARD = frozenset(
    {
        "COMPLETE",
        "IDLE_BEFORE",
        "IDLE_AFTER",
        "COUNTER_RESET",
        "STRAY_TRAFFIC",
        "TOKEN_RESIDUAL",
        "STREAM_ERROR",
        "OUTPUT_LENGTH",
        "USAGE",
        "ONE_ANSWER",
        "ONE_SHOT",
        "ALL_ACTIVE",
        "BURSTS",
        "FOREIGN_CPU",
        "ASLEEP",
        "CEILING",
        "COHERENCE",
    }
)
"""Checks whose failure makes a measurement invalid; the failure of any other makes it suspect."""

OF_THE_BOX = frozenset(
    {
        "FOREIGN_CPU",
        "CLIENT_CPU",
        "CLIENT_LAG",
        "ASLEEP",
        "STEAL",
        "MEMORY",
        "GPU_CLOCK",
        "GPU_THROTTLE",
        "GPU_SHARED",
        "WARM_UP",
        "DRIFT",
        "INTERVAL",
    }
)
"""Checks that ask about the box and how it holds its pace, and nothing about the server's words."""


def all_checks(seen: Seen) -> tuple[Check, ...]:
    """Apply every rule once, in the order in which a reader wants to know."""
    found = (
        whole.complete(seen),
        whole.coherence(seen),
        quiet.idle_before(seen),
        quiet.idle_after(seen),
        quiet.counter_reset(seen),
        traffic.stray_traffic(seen),
        traffic.token_residual(seen),
        traffic.usage(seen),
        whole.stream_error(seen),
        whole.output_length(seen),
        whole.one_answer(seen),
        whole.one_shot(seen),
        whole.bursts(seen),
        whole.coalesced(seen),
        whole.all_active(seen),
        steady.witnesses_agree(seen),
        ceiling(seen),
        steady.warm_up(seen),
        steady.steady(seen),
        steady.drift(seen),
        steady.interval(seen),
        traffic.prefix_cache(seen),
        traffic.preemptions(seen),
        box.foreign_cpu(seen),
        box.client_cpu(seen),
        box.client_lag(seen),
        box.asleep(seen),
        box.steal(seen),
        box.memory(seen),
        gpu.clock(seen),
        gpu.throttle(seen),
        gpu.shared(seen),
    )
    return tuple(check.model_copy(update={"hint": sentence(check.hint)}) for check in found if check is not None)
