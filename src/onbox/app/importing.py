"""Other tools' records into evidence, with what can be trusted in them."""

from collections.abc import Sequence
from pathlib import Path

from onbox.atomic_files import write_json
from onbox.evidence.manifest import write_manifest
from onbox.importers import AUTO, importer_by_name, kind_of
from onbox.importers.store import store
from onbox.judge.imports.trust import ImportTrust, trust


def import_records(kind: str, files: Sequence[Path], out: Path | str) -> ImportTrust:
    """Keep files of another tool in a new folder, and say of each number how far it can be trusted.

    Args:
        kind: llama-benchy, aiperf, guidellm, llama-bench, agent-bench, harbor, inspect, the load generator of an
            engine (docs/formats.md) or the name of an installed importer; auto takes the kind that the first file says
            of itself.
        files: of that tool.
        out: the folder to make.

    Raises:
        UsageError: there is no such kind, or a file is malformed.
        BadSubjectError: nothing was measured in any of them.
    """
    folder = Path(out)
    kind = kind_of(files[0]) if kind == AUTO else kind
    found = trust(kind, store(importer_by_name(kind), files, folder))
    write_json(folder / "trust.json", found)
    write_manifest(folder)
    return found
