"""The validity rules of a decode measurement: which there are, and which of them a number must not fail."""

from dataclasses import replace

from onbox.judge.formatting import sentence
from onbox.judge.model_name import model_name
from onbox.judge.rule import Subject, ids
from onbox.judge.speed import box_checks as box
from onbox.judge.speed import gpu_checks as gpu
from onbox.judge.speed import idle_checks as quiet
from onbox.judge.speed import ledger_checks as ledger
from onbox.judge.speed import stability_checks as steady
from onbox.judge.speed import stream_checks as whole
from onbox.judge.speed import traffic_checks as traffic
from onbox.judge.speed.ceiling_checks import ceiling
from onbox.judge.speed.check_context import CheckContext
from onbox.schema.checks import Check

SINGLY = (ledger.struck_out,)
"""Rules that are applied elsewhere."""
HARD = ids(hard=True)
"""Checks whose failure makes a measurement invalid; the failure of any other makes it suspect."""
OF_THE_BOX = ids(subject=Subject.BOX)
"""Checks that ask about the box and how it holds its pace, and nothing about the server's words."""


def all_checks(context: CheckContext) -> tuple[Check, ...]:
    """Apply every rule once, in the order in which a reader wants to know."""
    found = (
        whole.coherence(context),
        *model_name(context.where.split("/")[0], context.model_name),
        traffic.usage(context),
        whole.complete(context),
        quiet.idle_before(context),
        quiet.idle_after(context),
        quiet.counter_reset(context),
        traffic.stray_traffic(context),
        traffic.token_residual(context),
        whole.stream_error(context),
        whole.output_length(context),
        whole.one_answer(context),
        whole.one_shot(context),
        whole.bursts(context),
        whole.coalesced(context),
        whole.all_active(context),
        steady.witnesses_agree(context),
        ceiling(context),
        steady.warm_up(context),
        steady.steady(context),
        steady.drift(context),
        steady.interval(context),
        traffic.prefix_cache(context),
        traffic.preemptions(context),
        box.foreign_cpu(context),
        box.client_cpu(context),
        box.client_lag(context),
        box.asleep(context),
        box.steal(context),
        box.memory(context),
        gpu.clock(context),
        gpu.throttle(context),
        gpu.shared(context),
    )
    return tuple(replace(check, hint=sentence(check.hint)) for check in found if check is not None)
