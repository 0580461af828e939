"""`onbox verify`: recompute a trial and check the hashes of its files."""

import json
from pathlib import Path

import click

from onbox.cli.output import json_option, out, print_json
from onbox.errors import BadSubjectError


@click.command("verify")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Check that no file of the trial in FOLDER has changed, and that its verdict follows from its evidence."""
    from onbox.evidence.folder import TrialFolder
    from onbox.evidence.manifest import mismatches

    trial = TrialFolder.open(folder)
    found = [{"file": name, "problem": problem} for name, problem in mismatches(folder)]
    if not found:
        found += _recomputed(trial.path)
    if as_json:
        print_json({"ok": not found, "mismatches": found})
    if found:
        lines = "; ".join(f"{item['file']}: {item['problem']}" for item in found[:5])
        more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
        raise BadSubjectError(f"{folder}: does not verify: {lines}{more}")
    if not as_json:
        out().print(f"{folder}: every hash holds, and the verdict follows from the evidence", markup=False)


def _recomputed(folder: Path) -> list[dict[str, str]]:
    """What differs between the verdict that is written and the one that the evidence gives now."""
    from onbox.evidence.folder import TrialFolder
    from onbox.judge.verdict import judge

    written = json.loads((folder / "verdict.json").read_text("utf-8"))
    computed = judge(TrialFolder.open(folder)).model_dump(mode="json")
    keys = sorted({*written, *computed})
    return [
        {"file": "verdict.json", "problem": f"{key} does not follow from the evidence"}
        for key in keys
        if written.get(key) != json.loads(json.dumps(computed.get(key)))
    ]
