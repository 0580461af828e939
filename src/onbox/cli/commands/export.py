"""`onbox export`: a trial in other tools' formats."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from onbox.cli.output import err, json_option, out, print_json
from onbox.errors import UsageError

if TYPE_CHECKING:
    from onbox.export import Export


@click.command("export")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--to", "kind", required=True, metavar="KIND", help="The format; a wrong one is answered with the list.")
@click.option("--out", type=click.Path(path_type=Path), help="Where to; FOLDER.KIND beside the folder if left out.")
@json_option
def command(folder: Path, kind: str, out: Path | None, as_json: bool) -> None:
    """Show the trial in FOLDER in the format KIND of another tool; the folder stays as it is."""
    from onbox.evidence.folder import TrialFolder
    from onbox.export import exporter_by_name
    from onbox.judge.verdict import judge

    exporter = exporter_by_name(kind)
    trial = TrialFolder.open(folder)
    made = exporter.export(trial, judge(trial))
    path = _written(made, folder, kind, out)
    for note in made.notes:
        err().print(f"note  {note}", markup=False, soft_wrap=True)
    if as_json:
        print_json({"path": str(path), "notes": list(made.notes)})
    else:
        _print(str(path))


def _written(made: "Export", folder: Path, kind: str, wanted: Path | None) -> Path:
    """Write one file, or a folder of several; what an earlier export left under the default name is replaced."""
    from onbox.evidence.folder import write_atomic

    (first, content), *others = made.files.items()
    resolved = folder.resolve()
    path = wanted or resolved.with_name(f"{resolved.name}.{kind}{'' if others else Path(first).suffix}")
    if path.resolve().is_relative_to(resolved):
        raise UsageError(f"--out {path}: lies in the evidence folder, which is sealed", "name a place outside of it")
    if wanted is not None and path.exists() and (not path.is_dir() or any(path.iterdir()) or not others):
        raise UsageError(f"--out {path}: is there already", "name another place")
    if not others:
        write_atomic(path, content)
        return path
    for name, data in made.files.items():
        write_atomic(path / name, data)
    return path


def _print(path: str) -> None:
    out().print(path, markup=False, soft_wrap=True)
