"""An imported folder: the files as they came, what they say, and the manifest that the caller writes last."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from onbox import __version__
from onbox.errors import UsageError
from onbox.evidence.folder import append_line, utc_now, write_atomic, write_json
from onbox.evidence.imported import ImportedCell, ImportedFile, ImportedRun, ImportHead
from onbox.importers import Importer


def store(importer: Importer, files: Sequence[Path], folder: Path) -> Sequence[ImportedCell | ImportedRun]:
    """Read all files, then write `original/`, `cells.jsonl` or `runs.jsonl`, and `import.json` into `folder`.

    Raises:
        UsageError: a file is not what it should be, two have one name, or the folder holds something already; nothing
            was written then.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"--out {folder}: is there already and not empty", "name another folder")
    names = [path.name for path in files]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{twice}: two files have this name", "import them into folders of their own")
    said = [record for path in files for record in importer.read(path)]
    kept = []
    for path in files:
        data = path.read_bytes()
        write_atomic(folder / "original" / path.name, data)
        kept.append(ImportedFile(name=path.name, bytes=len(data), sha256=hashlib.sha256(data).hexdigest()))
    for record in said:
        append_line(folder / ("cells.jsonl" if isinstance(record, ImportedCell) else "runs.jsonl"), record)
    head = ImportHead(kind=importer.name, imported_at=utc_now(), onbox_version=__version__, files=tuple(kept))
    write_json(folder / "import.json", head)
    return said
