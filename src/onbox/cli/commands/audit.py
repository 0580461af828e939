"""`onbox audit`: do the gates tell right from wrong?"""

from typing import Literal

import click

from onbox.cli.manual import Manual
from onbox.cli.options import json_option, network_option
from onbox.cli.ui.console import err, out, print_json
from onbox.errors import BadSubjectError


@click.command(
    "audit",
    cls=Manual,
    examples=(
        ("onbox audit my-tasks", "does each gate tell right from wrong"),
        ("onbox audit my-tasks --task my-first", "one task"),
        ("onbox audit builtin --task fill-json", "one that comes with onbox"),
    ),
    ends={1: "a gate cannot be trusted; each is named"},
)
@click.argument("tasks", default="builtin")
@click.option("--task", "task_names", multiple=True, help="Only this task; may be given several times.")
@network_option
@click.option("--unsafe", is_flag=True, help="Run without a sandbox if none works here.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Tasks audited at a time.")
@json_option
def command(
    tasks: str,
    task_names: tuple[str, ...],
    network: Literal["none", "gates"],
    unsafe: bool,
    jobs: int,
    as_json: bool,
) -> None:
    """Test each gate of TASKS: right work must pass, wrong work must fail.

    TASKS is a folder, or one of quick, short, core, hard and builtin (all that come with onbox).
    """
    from onbox.app.audit import audit_tasks

    results = audit_tasks(
        tasks, names=task_names, unsafe=unsafe, jobs=jobs, network=network, tell=lambda text: err().line(text)
    )
    bad = [result.name for result in results if not result.passed]
    if as_json:
        print_json({"tasks": [result.as_json() for result in results]})
    else:
        screen = out()
        for result in results:
            mark = ("passed", "green") if result.passed else ("FAILED", "bold red")
            screen.line(mark, f"  {result.name}  {len(result.probes)} probes")
            if result.open_to_cheating:
                screen.line(f"{result.why_open}: open to cheating", indent=8)
                screen.line(
                    'next    a gate with metadata.gate = "apart" and gatelib of `onbox task new` is not', indent=8
                )
            for end in result.missed:
                screen.line(f"{end.probe}: expected {end.expected}, got {end.got}: {end.reason}", indent=8)
    if bad:
        raise BadSubjectError(f"audit: {len(bad)} of {len(results)} gates cannot be trusted: {', '.join(bad)}")
