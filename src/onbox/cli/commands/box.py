"""`onbox box`: what this machine is and how fast it reads memory."""

import click

from onbox.cli.output import err, json_option, out, print_json
from onbox.cli.units import gib, number, yes_no


@click.command("box")
@click.option("--no-measure", is_flag=True, help="Do not measure bandwidth (saves about two seconds).")
@json_option
def command(no_measure: bool, as_json: bool) -> None:
    """What this machine is and how fast it reads memory.

    Memory by the rule that fits its kind, read bandwidth as measured beside what the maker states, accelerators,
    pressure, and checks for states that make a healthy-looking box slow. Nothing is sent or fetched.
    """
    from onbox import box

    if not no_measure:
        err().print("measuring read bandwidth ...", style="dim")
    found = box.describe(measure=not no_measure)
    if as_json:
        print_json(found.as_dict())
        return
    _show(found)


def _show(found: "box.Box") -> None:  # type: ignore[name-defined]  # noqa: F821
    from rich.table import Table

    console = out()
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    cpu, memory = found.cpu, found.memory
    product = f"{found.system.product}, " if found.system.product else ""
    table.add_row("system", f"{product}{found.system.os}, kernel {found.system.kernel}")
    table.add_row("processor", f"{cpu.model or 'unknown'}, {cpu.cores} cores, {cpu.threads} threads, {cpu.arch}")
    table.add_row(
        "memory",
        f"{gib(memory.available_bytes)} available of {gib(memory.total_bytes)} ({memory.rule}); "
        f"unified: {yes_no(memory.unified)}",
    )
    for device in found.accelerators:
        own = "the host's" if device.unified else gib(device.memory_free_bytes) + " free"
        table.add_row(
            f"gpu {device.index}",
            f"{device.name or 'unknown'}, compute capability {device.compute_capability or 'unknown'}, memory {own}, "
            f"{number(device.power_w, 'W', 0)}, {number(device.sm_clock_mhz, 'MHz', 0)}",
        )
    for measured in found.bandwidths:
        stated = f"; nominal {measured.nominal_gb_s:g} ({measured.nominal_source})" if measured.nominal_gb_s else ""
        table.add_row(
            f"reads ({measured.device})",
            f"{measured.read_gb_s:.1f} GB/s best, {measured.median_gb_s:.1f} median, {measured.threads} threads, "
            f"{measured.method}{stated}",
        )
    table.add_row("disk", f"{gib(found.disk.free_bytes)} free of {gib(found.disk.total_bytes)} at {found.disk.path}")
    table.add_row("desktop", yes_no(found.desktop_session))
    console.print(table)
    doubts = [check for check in found.checks if check.status in ("warn", "fail")]
    for check in doubts:
        colour = "red" if check.status == "fail" else "yellow"
        console.print(
            f"[{colour}]{check.status}[/{colour}]  {check.id}: {check.observed} {check.unit}. {check.evidence}"
        )
        if check.hint:
            console.print(f"      {check.hint}")
    passed = sum(check.status == "pass" for check in found.checks)
    unknown = sum(check.status == "unknown" for check in found.checks)
    console.print(f"{passed} checks passed, {len(doubts)} doubts, {unknown} unknown", style="dim")
