"""Other tools' records into evidence, with what can be trusted in them."""

from collections.abc import Sequence
from pathlib import Path

from onbox.atomic_files import write_json
from onbox.errors import UsageError
from onbox.evidence.manifest import write_manifest
from onbox.importers import AUTO, importer_by_name, kind_of
from onbox.importers.harbor import Harbor
from onbox.importers.imported_folder import store
from onbox.judge.imports.trust import ImportTrust, trust


def import_records(
    kind: str, files: Sequence[Path], out: Path | str, *, reward_min: float | None = None
) -> ImportTrust:
    """Keep files of another tool in a new folder, and say of each number how far it can be trusted.

    Args:
        kind: llama-benchy, aiperf, guidellm, llama-bench, agent-bench, harbor, inspect, the load generator of an
            engine (docs/formats.md) or the name of an installed importer; auto takes the kind that the first file says
            of itself.
        files: of that tool.
        out: the folder to make.
        reward_min: what a partial reward must reach to pass; None: full reward, 1.

    Raises:
        UsageError: there is no such kind, it has no rewards, or a file is malformed.
        BadSubjectError: nothing was measured in any of them.
    """
    folder = Path(out)
    kind = kind_of(files[0]) if kind == AUTO else kind
    importer = importer_by_name(kind)
    if reward_min is not None:
        if not isinstance(importer, Harbor):
            raise UsageError(f"--reward-min: {kind} has no rewards", "only harbor imports have partial rewards")
        importer.reward_min = reward_min
    found = trust(kind, store(importer, files, folder))
    write_json(folder / "trust.json", found)
    write_manifest(folder)
    return found
