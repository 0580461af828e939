"""`onbox regrade`: gates and attribution again, without the engine."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from onbox.cli.output import err, json_option, print_json
from onbox.cli.output import out as stdout

if TYPE_CHECKING:
    from onbox.bench.regrade import Regrader
    from onbox.bench.sandbox import Sandbox
    from onbox.evidence.folder import TrialFolder
    from onbox.evidence.records import Plan, RegradedRun


@click.command("regrade")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--unsafe", is_flag=True, help="Run gates without a sandbox where none works.")
@json_option
def command(folder: Path, unsafe: bool, as_json: bool) -> None:
    """Rebuild what each agent left in the trial in FOLDER, and let the gates, as they are now, judge it again.

    The evidence stays as it is: what came out is added to `regrade.jsonl`.
    """
    import tempfile

    from rich.text import Text

    from onbox import __version__
    from onbox.bench.instances import Instances
    from onbox.bench.regrade import Regrader
    from onbox.evidence.folder import TrialFolder, append_line, utc_now
    from onbox.evidence.lock import locked
    from onbox.evidence.manifest import write_manifest
    from onbox.evidence.records import LedgerKind, Regrade
    from onbox.trial.plan import tasks_now

    trial = TrialFolder.open(folder)
    tasks = {task.name: task for task in tasks_now(trial.plan())}
    sandbox = _sandbox(trial.plan(), any(task.needs_docker for task in tasks.values()), unsafe=unsafe)
    with locked(folder), tempfile.TemporaryDirectory(prefix="onbox-instances-") as scratch:
        runs = _regrade(trial, Regrader(tasks, Instances(Path(scratch), sandbox), sandbox))
        written = folder / "regrade.jsonl"
        hashes = {name: task.sha256 for name, task in tasks.items()}
        record = Regrade(at=utc_now(), onbox_version=__version__, sandbox=sandbox.name, tasks=hashes, runs=runs)
        append_line(written, record)
        changed = [run for run in runs if run.code_was != run.code_now or (run.now and _verdict(run))]
        trial.note(LedgerKind.REGRADED, written.name, f"{len(changed)} of {len(runs)} runs changed")
        if (folder / "verdict.json").is_file():
            write_manifest(folder)
    not_run = [run for run in runs if run.now is None]
    if as_json:
        print_json(
            {
                "changed": [run.model_dump(mode="json") for run in changed],
                "runs": len(runs),
                "not_run": [run.model_dump(mode="json") for run in not_run],
                "path": str(written),
            }
        )
        return
    show = stdout()
    told = f"{len(changed)} of {len(runs)} runs changed" if changed else f"no change in {len(runs)} runs"
    show.print(Text(told, "bold red" if changed else "bold green"))
    for run in changed:
        now = run.now.reason if run.now else run.why
        show.print(Text(f"  {_name(run)}: {run.code_was} -> {run.code_now}: {now}"))
    for run in not_run:
        show.print(Text(f"  {_name(run)}: not run again: {run.why}"))
    show.print(Text(str(written)))


def _sandbox(plan: "Plan", images: bool, *, unsafe: bool) -> "Sandbox":
    """Where gates run: the best tier here, or that of the plan where tasks have images of their own.

    The tier that the environment names comes first.
    """
    import os

    from onbox.bench.sandbox.choose import VARIABLE, by_name, choose

    return by_name(plan.sandbox) if images and VARIABLE not in os.environ else choose(unsafe=unsafe)


def _regrade(trial: "TrialFolder", regrader: "Regrader") -> "tuple[RegradedRun, ...]":
    """Every finished run of every contender, one after the other."""
    from rich.text import Text

    from onbox.evidence.records import RegradedRun
    from onbox.judge.around import Surroundings
    from onbox.judge.attribution import attribute

    plan, progress, found = trial.plan(), err(), []
    for contender in plan.contenders:
        around = Surroundings(trial, plan, contender.name)
        for run in trial.runs(contender.name):
            if run.gate is None:
                continue
            where = trial.run_folder(contender.name, run.task, run.arm, run.n)
            now, why = regrader.gate(run, where)
            exchanges, known = trial.exchanges(where / "wire.jsonl"), around.of(run)
            again = run if now is None else run.model_copy(update={"gate": now})
            found.append(
                RegradedRun(
                    contender=contender.name,
                    task=run.task,
                    arm=run.arm,
                    n=run.n,
                    was=run.gate,
                    now=now,
                    why=why,
                    code_was=attribute(run, exchanges, known).code,
                    code_now=attribute(again, exchanges, known).code,
                )
            )
            progress.print(Text(f"{_name(found[-1])}: {found[-1].code_was} -> {found[-1].code_now}"))
    return tuple(found)


def _verdict(run: "RegradedRun") -> bool:
    """Whether the gate itself says otherwise now."""
    return run.now is not None and run.now.exit_code != run.was.exit_code


def _name(run: "RegradedRun") -> str:
    return f"{run.contender} {run.task} ({run.arm}) {run.n}"
