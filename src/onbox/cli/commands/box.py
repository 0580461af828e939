"""`onbox box`: what this machine is and how fast it reads memory."""

from typing import TYPE_CHECKING

import click

from onbox.cli.manual import Manual
from onbox.cli.options import json_option
from onbox.cli.ui.console import err, out, print_json
from onbox.cli.ui.units import with_unit, yes_no
from onbox.schema.units import gib

if TYPE_CHECKING:
    from onbox.app.types import Box


@click.command(
    "box",
    cls=Manual,
    examples=(
        ("onbox box", "memory, measured read bandwidth, GPUs, what slows this box down"),
        ("onbox box --no-measure --json", "without measuring, as JSON"),
    ),
)
@click.option("--no-measure", is_flag=True, help="Do not measure bandwidth (saves about two seconds).")
@json_option
def command(no_measure: bool, as_json: bool) -> None:
    """What this machine is and how fast it reads memory.

    Memory by the rule that fits its kind, measured and nominal read bandwidth, accelerators, pressure, and checks for
    states that make a healthy-looking box slow. Nothing is sent or downloaded.
    """
    from onbox.app.box import describe_box

    if not no_measure:
        err().line(("measuring read bandwidth ...", "dim"))
    found = describe_box(measure=not no_measure)
    if as_json:
        print_json(found.as_dict())
    else:
        _show(found)


def _show(found: "Box") -> None:
    cpu, memory = found.cpu, found.memory
    product = f"{found.system.product}, " if found.system.product else ""
    rows = [
        ("system", f"{product}{found.system.os}, kernel {found.system.kernel}"),
        ("processor", f"{cpu.model or 'unknown'}, {cpu.cores} cores, {cpu.threads} threads, {cpu.arch}"),
        (
            "memory",
            f"{gib(memory.available_bytes)} available of {gib(memory.total_bytes)} ({memory.rule}); "
            f"unified: {yes_no(memory.unified)}",
        ),
    ]
    rows += _gpus(found)
    for measured in found.bandwidths:
        stated = f"; nominal {measured.nominal_gb_s:g} ({measured.nominal_source})" if measured.nominal_gb_s else ""
        text = (
            f"{measured.read_gb_s:.1f} GB/s best, {measured.median_gb_s:.1f} median, {measured.threads} threads, "
            f"{measured.method}{stated}"
        )
        which = f"gpu {measured.index}, " if measured.index is not None and len(found.accelerators) > 1 else ""
        rows.append((f"reads ({which}{measured.device})", text))
    rows.append(("disk", f"{gib(found.disk.free_bytes)} free of {gib(found.disk.total_bytes)} at {found.disk.path}"))
    rows.append(("desktop", yes_no(found.desktop_session)))
    screen = out()
    screen.table(rows)
    doubts = [check for check in found.checks if check.status in ("warn", "fail")]
    for check in doubts:
        colour = "red" if check.status == "fail" else "yellow"
        screen.line((check.status, colour), f"  {check.id}: {check.observed} {check.unit}. {check.evidence}", wrap=True)
        if check.hint:
            screen.line(check.hint, indent=6, wrap=True)
    passed = sum(check.status == "pass" for check in found.checks)
    unknown = sum(check.status == "unknown" for check in found.checks)
    screen.line((f"{passed} checks passed, {len(doubts)} doubts, {unknown} unknown", "dim"))


def _gpus(found: "Box") -> list[tuple[str, str]]:
    """A row a device; before those of several a row of what they are, like `2 x NVIDIA H200`."""
    from onbox.app.box import gpu_names

    rows = [("gpus", gpu_names(found))] if len(found.accelerators) > 1 else []
    for device in found.accelerators:
        own = "the host's" if device.unified else gib(device.memory_free_bytes) + " free"
        if device.mig:
            own = "split by MIG: what an instance may hold is unknown"
        others = f", {len(device.processes)} processes" if device.processes else ""
        text = (
            f"{device.name or 'unknown'}, compute capability {device.compute_capability or 'unknown'}, memory {own}, "
            f"{with_unit(device.power_w, 'W', 0)}, {with_unit(device.sm_clock_mhz, 'MHz', 0)}{others}"
        )
        rows.append((f"gpu {device.index}", text))
    return rows
