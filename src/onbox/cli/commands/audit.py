"""`onbox audit`: do the gates tell right from wrong?"""

import click

from onbox.cli.output import err, json_option, out, print_json
from onbox.errors import BadSubjectError


@click.command("audit")
@click.argument("tasks", default="builtin")
@click.option("--task", "task_names", multiple=True, help="Only this task; may be given several times.")
@click.option("--unsafe", is_flag=True, help="Run without a sandbox where none works.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Tasks audited at a time.")
@json_option
def command(tasks: str, task_names: tuple[str, ...], unsafe: bool, jobs: int, as_json: bool) -> None:
    """Put each gate of TASKS to the test: right work must pass, wrong work must fail.

    TASKS is a folder, or quick, core or builtin (all that come with onbox).
    """
    from rich.text import Text

    from onbox.bench.audit import audit_all
    from onbox.bench.audit.admission import without_missing
    from onbox.bench.sandbox.choose import choose
    from onbox.bench.tasks import load_tasks, task_source

    source, names = task_source(tasks)
    sandbox, progress, results = choose(unsafe=unsafe), err(), []
    asked = load_tasks(source, task_names or names)
    found = without_missing(asked, sandbox, lambda words: progress.print(Text(words)))
    progress.print(Text(f"auditing {len(found)} task{'s' if len(found) > 1 else ''}"))
    for number, result in enumerate(audit_all(found, sandbox, jobs), 1):
        progress.print(Text(f"[{number}/{len(found)}] {result.name}: {len(result.probes)} probes"))
        results.append(result)
    bad = [result.name for result in results if not result.passed]
    if as_json:
        print_json({"tasks": [result.as_json() for result in results]})
    else:
        show = out()
        for result in results:
            mark = Text("passed", "green") if result.passed else Text("FAILED", "bold red")
            show.print(Text.assemble(mark, f"  {result.name}  {len(result.probes)} probes"))
            for end in result.missed:
                show.print(Text(f"        {end.probe}: expected {end.expected}, got {end.got}: {end.reason}"))
    if bad:
        raise BadSubjectError(f"audit: {len(bad)} of {len(results)} gates cannot be trusted: {', '.join(bad)}")
