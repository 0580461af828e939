"""`onbox audit`: do the gates tell right from wrong?"""

from pathlib import Path

import click

from onbox.cli.output import err, json_option, out, print_json
from onbox.errors import BadSubjectError


@click.command("audit")
@click.argument("tasks", default="builtin")
@click.option("--task", "task_names", multiple=True, help="Only this task; may be given several times.")
@click.option("--unsafe", is_flag=True, help="Run without a sandbox where none works.")
@json_option
def command(tasks: str, task_names: tuple[str, ...], unsafe: bool, as_json: bool) -> None:
    """Put each gate of TASKS (a folder, or builtin) to the test: right work must pass, wrong work must fail."""
    from rich.text import Text

    from onbox.bench.audit import audit
    from onbox.bench.sandbox.choose import choose
    from onbox.bench.tasks import load_tasks

    found = load_tasks("builtin" if tasks == "builtin" else Path(tasks), task_names or None)
    sandbox, progress, results = choose(unsafe=unsafe), err(), []
    for number, task in enumerate(found, 1):
        progress.print(Text(f"[{number}/{len(found)}] {task.name} ..."))
        results.append(audit(task, sandbox))
    bad = [result.name for result in results if not result.passed]
    if as_json:
        print_json({"tasks": [result.as_json() for result in results]})
    else:
        show = out()
        for result in results:
            mark = Text("passed", "green") if result.passed else Text("FAILED", "bold red")
            show.print(Text.assemble(mark, f"  {result.name}  {len(result.probes)} probes"))
            for end in result.probes:
                if end.got != end.expected:
                    line = f"        {end.probe}: expected {end.expected}, got {end.got}: {end.reason}"
                    show.print(Text(line))
    if bad:
        raise BadSubjectError(f"audit: {len(bad)} of {len(results)} gates cannot be trusted: {', '.join(bad)}")
