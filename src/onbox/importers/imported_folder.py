"""An imported folder: the files as they came, what they say, and the manifest that the caller writes last."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from onbox import __version__
from onbox.atomic_files import utc_now, write_atomic, write_json
from onbox.errors import BadSubjectError, UsageError
from onbox.evidence.folder import append_line
from onbox.evidence.imported import ImportedCell, ImportedFile, ImportedRun, ImportHead
from onbox.importers import Importer
from onbox.input_files import RECORDS_BYTES_MAX, input_bytes


def store(importer: Importer, files: Sequence[Path], folder: Path) -> Sequence[ImportedCell | ImportedRun]:
    """Read all files, then write `original/`, `cells.jsonl` or `runs.jsonl`, and `import.json` into `folder`.

    Args:
        importer: of the kind that all of them are.
        files: files, or folders of a job, whose results are kept.
        folder: to make.

    Raises:
        UsageError: a file is not what it should be, two have one name, or the folder holds something already.
        BadSubjectError: nothing was measured in any of them.
            Nothing was written then.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"--out {folder}: is there already and not empty", "name another folder")
    originals = [each for path in files for each in _originals(path)]
    names = [name for name, _ in originals]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{twice}: two files have this name", "import them into folders of their own")
    records = [record for path in files for record in importer.read(path)]
    _measured(records, files)
    kept = []
    for name, path in originals:
        data = input_bytes(path, RECORDS_BYTES_MAX)
        write_atomic(folder / "original" / name, data)
        kept.append(ImportedFile(name=name, bytes=len(data), sha256=hashlib.sha256(data).hexdigest()))
    for record in records:
        append_line(folder / ("cells.jsonl" if isinstance(record, ImportedCell) else "runs.jsonl"), record)
    head = ImportHead(kind=importer.name, imported_at=utc_now(), onbox_version=__version__, files=tuple(kept))
    write_json(folder / "import.json", head)
    return records


def _originals(path: Path) -> list[tuple[str, Path]]:
    """(name below `original/`, path) of what is kept of a file or of a job's folder."""
    if not path.is_dir():
        return [(path.name, path)]
    return [(f"{path.name}/{each.relative_to(path)}", each) for each in sorted(path.rglob("result.json"))]


def _measured(records: Sequence[ImportedCell | ImportedRun], files: Sequence[Path]) -> None:
    if any(isinstance(record, ImportedRun) or is_measured(record) for record in records):
        return
    names = ", ".join(path.name for path in files)
    cells = [record for record in records if isinstance(record, ImportedCell)]
    if not cells:
        raise BadSubjectError(f"{names}: nothing was measured: no entry holds a measurement")
    failed = [cell.failed for cell in cells if cell.failed]
    why = f"{sum(failed)} requests failed and none completed" if failed else "no entry holds a number"
    raise BadSubjectError(f"{names}: nothing was measured: {why}")


def is_measured(cell: ImportedCell) -> bool:
    """Whether a cell holds a number of at least one request."""
    return bool(cell.numbers) and cell.requests != 0
