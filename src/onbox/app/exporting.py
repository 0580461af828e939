"""Export a trial in other tools' formats."""

from dataclasses import dataclass
from pathlib import Path

from onbox.app.long_trials import judge_folder
from onbox.atomic_files import write_atomic
from onbox.errors import UsageError
from onbox.evidence.folder import TrialFolder
from onbox.exporters import Export, exporter_by_name


@dataclass(frozen=True)
class ExportResult:
    """Where an export was written, and what the format could not hold."""

    path: Path
    notes: tuple[str, ...]


def export_trial(folder: Path | str, kind: str, out: Path | str | None = None) -> ExportResult:
    """Write the trial in a folder in the format of another tool; the folder stays as it is.

    Args:
        folder: of the trial.
        kind: the format; a wrong one is answered with the list.
        out: where to; FOLDER.KIND beside the folder if left out.

    Raises:
        UsageError: there is no such format, it is no trial, or the place is taken or inside the folder.
    """
    exporter = exporter_by_name(kind)
    trial = TrialFolder.open(Path(folder))
    made = exporter.export(trial, judge_folder(trial))
    return ExportResult(_write(made, Path(folder), kind, Path(out) if out else None), tuple(made.notes))


def _write(made: Export, folder: Path, kind: str, wanted: Path | None) -> Path:
    """Write one file, or a folder of several; what an earlier export left under the default name is replaced."""
    (first, content), *others = made.files.items()
    many = bool(others) or made.is_folder
    resolved = folder.resolve()
    path = wanted or resolved.with_name(f"{resolved.name}.{kind}{'' if many else Path(first).suffix}")
    if path.resolve().is_relative_to(resolved):
        raise UsageError(f"--out {path}: is inside the evidence folder, which is sealed", "name a path outside of it")
    if wanted is not None and path.exists() and (not path.is_dir() or any(path.iterdir()) or not many):
        raise UsageError(f"--out {path}: is there already", "name another place")
    if not many:
        write_atomic(path, content)
        return path
    for name, data in made.files.items():
        write_atomic(path / name, data)
    return path
