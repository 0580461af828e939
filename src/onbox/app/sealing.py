"""What follows the last measurement: the verdict, the reports, and the manifest that seals them.

Nothing is sealed again without a look at the old seal: evidence that is another than it was is refused, or sealed with
a line in the ledger that says what changed.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from onbox.app.long_trials import judge_folder
from onbox.atomic_files import write_atomic, write_json
from onbox.errors import BadSubjectError, UsageError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.manifest import (
    NAME,
    Problem,
    hashes,
    is_evidence,
    is_sealed,
    mismatches,
    seal_of,
    strange,
    write_manifest,
)
from onbox.evidence.records import LedgerKind
from onbox.judge.results import Verdict

SHOWN = 5
REPORTS = ("report.html", "report.md", "post.md")


def seal(folder: TrialFolder) -> Verdict:
    """Judge, write `verdict.json` and the reports, and seal the folder."""
    verdict = judge_folder(folder)
    write_json(folder.path / "verdict.json", verdict)
    write_reports(folder, verdict, seal_of(hashes(folder.path)))
    write_manifest(folder.path)
    return verdict


def write_reports(folder: TrialFolder, verdict: Verdict, seal: str = "") -> None:
    """Write all reports, from evidence and verdict alone, with the seal of the evidence at their foot."""
    for name, text in rendered(folder, verdict, seal).items():
        write_atomic(folder.path / name, text.encode())


def rendered(folder: TrialFolder, verdict: Verdict, seal: str) -> dict[str, str]:
    """Each report by its name."""
    from onbox.report import html, markdown, post

    return {
        name: each.render(folder, verdict, seal) for name, each in zip(REPORTS, (html, markdown, post), strict=True)
    }


def report_path(folder: Path) -> Path:
    """Where the report for people lies."""
    return folder / "report.html"


def rewrite_reports(
    folder: Path | str, *, reseal: bool = False, tell: Callable[[str], None] = lambda text: None
) -> Path:
    """Judge the trial in a folder again, write its reports and seal it; returns the page.

    Args:
        folder: of the trial.
        reseal: seal evidence that has changed since it was sealed; the ledger then says what changed.
        tell: called with a line for what was another than it had been, and with the seal.

    Raises:
        UsageError: it is no trial, or another onbox works on it.
        BadSubjectError: evidence has changed since it was sealed.
    """
    from onbox.evidence.lock import locked

    trial = TrialFolder.open(Path(folder))
    with locked(trial.path):
        changed = broken_seal(trial)
        evidence = [(name, problem) for name, problem in changed if is_evidence(name) or name == NAME]
        if evidence and not reseal:
            raise BadSubjectError(
                f"{trial.path}: not what was sealed: {in_words(evidence)}",
                "bring back what was sealed, or seal it as it is now with --reseal, which the ledger will tell",
            )
        if evidence:
            trial.note(LedgerKind.RESEALED, ".", in_words(evidence), seal_of(hashes(trial.path)))
            tell(f"sealed again although it is not what was sealed: {in_words(evidence)}")
        if computed := [name for name, _ in changed if not is_evidence(name) and name != NAME]:
            tell(f"not as it was written, and written again: {', '.join(computed[:SHOWN])}")
        seal(trial)
        tell(f"seal of the evidence: {_last_seal(trial)}")
        return report_path(trial.path)


def changes_since_sealed(folder: Path | str) -> list[Problem]:
    """(name, problem) of all in a trial that is another than it was sealed.

    Raises:
        UsageError: it is no trial, or its manifest is none.
    """
    return broken_seal(TrialFolder.open(Path(folder)))


def broken_seal(trial: TrialFolder) -> list[Problem]:
    """(name, problem) of all that is another than it was sealed; empty where the seal holds, or none was made yet.

    Where the manifest is gone, the seal at the foot of the last report speaks for it; a trial that was resumed after
    that report was written is open, and has none.
    """
    if is_sealed(trial.path):
        return mismatches(trial.path)
    told, found = _last_seal(trial), hashes(trial.path)
    if not told or told == seal_of(found):
        return strange(trial.path)
    return [(NAME, "is gone, and the evidence is not the one that the last report was made from")]


def _last_seal(trial: TrialFolder) -> str:
    """At the foot of the last report; empty: there is none, or the trial was resumed since."""
    from onbox.report.reproduce import foot_of

    feet = [foot_of(path.read_text("utf-8", "replace")) for name in REPORTS if (path := trial.path / name).is_file()]
    resumed = {entry.sha256 for entry in trial.ledger() if entry.kind is LedgerKind.RESUMED}
    return next((foot[0] for foot in feet if foot is not None and foot[0] not in resumed), "")


def open_seal(trial: TrialFolder) -> str:
    """Take the seal off a trial that goes on: its manifest says nothing of what will be added.

    Returns:
        The seal that it had; empty: none.

    Raises:
        BadSubjectError: the evidence is not what was sealed.
    """
    if changed := [(name, problem) for name, problem in broken_seal(trial) if is_evidence(name) or name == NAME]:
        raise BadSubjectError(
            f"{trial.path}: not what was sealed: {in_words(changed)}",
            "bring back what was sealed, or seal it as it is now with onbox report --reseal",
        )
    held = seal_of(hashes(trial.path)) if is_sealed(trial.path) else _last_seal(trial)
    # Before the ledger grows: a kill between the two leaves evidence that still has the seal of its report.
    (trial.path / NAME).unlink(missing_ok=True)
    return held


def in_words(problems: Sequence[Problem]) -> str:
    """The first few problems in one line."""
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return "; ".join(f"{name}: {problem}" for name, problem in problems[:SHOWN]) + more


def write_picture(folder: Path | str, path: Path | None = None) -> Path:
    """Draw the verdict of a trial as one SVG; returns where it lies, by default beside the trial's folder.

    Raises:
        UsageError: it is no trial, or the picture cannot be written there.
    """
    from onbox.report import poster

    trial = TrialFolder.open(Path(folder))
    at = path or trial.path.absolute().with_name(f"{trial.path.absolute().name}.svg")
    try:
        write_atomic(at, poster.render(judge_folder(trial), _last_seal(trial)).encode())
    except OSError as error:
        raise UsageError(f"{at}: {error.strerror or error}", "name a file that can be written: --svg FILE") from error
    return at
