"""What follows the last measurement: the verdict, the reports, and the manifest that seals them.

Nothing is sealed again without a look at the old seal: evidence that is another than it was is refused, or sealed with
a line in the ledger that says what changed.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onbox.app.long_trials import judge_folder
from onbox.app.parallel_work import spread, without_collections
from onbox.atomic_files import json_bytes, write_atomic
from onbox.errors import BadSubjectError, UsageError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.manifest import (
    NAME,
    TRANSCRIPTS,
    VERDICT,
    Problem,
    files,
    is_evidence,
    is_sealed,
    mismatches,
    seal_of,
    sha256_of,
    strange,
    write_manifest,
)
from onbox.evidence.records import LedgerKind
from onbox.judge.formatting import one_line
from onbox.judge.results import Verdict

SHOWN, PROBLEM_CHARACTERS_MAX = 5, 600
LEDGER = "ledger.jsonl"
FILES_MIN = 2000
"""Of fewer, one process hashes as fast as two."""
REPORTS = ("report.html", "report.md", "post.md")


@dataclass(frozen=True)
class ComputedFile:
    """A file that is computed from the evidence.

    Args:
        name: relative to the trial folder.
        sha256: of what it holds.
        text: of a report; of verdict and transcripts, which may be long, nothing is kept.
    """

    name: str
    sha256: str
    text: str = ""


def seal(folder: TrialFolder, found: Mapping[str, str] | None = None) -> Verdict:
    """Judge, write `verdict.json` and the reports, and seal the folder.

    Args:
        folder: of the trial.
        found: sha256 by relative name of the evidence, where it is known.
    """
    verdict = judge_folder(folder)
    evidence = {name: sha256 for name, sha256 in (found or all_hashes(folder.path)).items() if is_evidence(name)}
    made = computed(folder, verdict, seal_of(evidence), write=True)
    names = {each.name for each in made}
    for path in sorted((folder.path / TRANSCRIPTS).glob("*")):
        if f"{TRANSCRIPTS}/{path.name}" not in names:
            path.unlink()
    write_manifest(folder.path, evidence | {name: sha256_of(folder.path / name) for name in names})
    return verdict


def all_hashes(folder: Path) -> dict[str, str]:
    """sha256 by relative name, as `onbox.evidence.manifest.hashes` has them, on several processors."""
    names = files(folder)
    found = spread(lambda name: sha256_of(f"{folder}/{name}"), names, worth_it=len(names) >= FILES_MIN, at_a_time=500)
    return dict(zip(names, found, strict=True))


def computed(folder: TrialFolder, verdict: Verdict, seal: str = "", *, write: bool = False) -> list[ComputedFile]:
    """`verdict.json`, the reports and the pages of transcripts, from evidence and verdict alone, on several processors.

    Args:
        folder: of the trial.
        verdict: on it.
        seal: of the evidence, for the foot of the reports.
        write: whether they are written too.
    """
    from onbox.report import html, markdown, post
    from onbox.report.extent import TranscriptFile, transcript_files, transcripts_apart
    from onbox.report.transcripts import render_file

    arms = len({run.arm for run in verdict.runs}) > 1
    reports = dict(zip(REPORTS, (html, markdown, post), strict=True))

    def one(part: str | TranscriptFile) -> ComputedFile:
        name = part if isinstance(part, str) else part.name
        text = ""
        if isinstance(part, TranscriptFile):
            data = render_file(folder.path, part, arms=arms).encode()
        elif part == VERDICT:
            data = verdict_bytes(verdict)
        else:
            text = reports[part].render(folder, verdict, seal)
            data = text.encode()
        if write:
            write_atomic(folder.path / name, data)
        return ComputedFile(name, hashlib.sha256(data).hexdigest(), text)

    pages = transcript_files(verdict) if transcripts_apart(folder.path, verdict) else []
    # One process looks at all runs of the verdict, and the others only at those of their pages: what a process looks at
    # it holds a second time.
    parts: list[Sequence[str | TranscriptFile]] = [(VERDICT, *REPORTS), *((page,) for page in pages)]
    made = spread(lambda some: [one(part) for part in some], parts, worth_it=bool(pages), at_a_time=1)
    return [each for some in made for each in some]


def verdict_bytes(verdict: Verdict) -> bytes:
    """What `json_bytes` gives, run by run: those of a long trial as one object take more memory than all the rest."""
    head, empty, tail = json_bytes(verdict.model_copy(update={"runs": ()})).partition(b'\n  "runs": []')
    if not verdict.runs or not empty:
        return json_bytes(verdict)
    # No text of JSON holds a line end, so this is the field of the verdict itself.
    parts = [head, b'\n  "runs": [']
    for n, run in enumerate(verdict.runs):
        parts.append(b",\n    " if n else b"\n    ")
        parts.append(json_bytes(run).rstrip(b"\n").replace(b"\n", b"\n    "))
    return b"".join((*parts, b"\n  ]", tail))


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
    with locked(trial.path), without_collections():
        found = all_hashes(trial.path)
        changed = broken_seal(trial, found)
        evidence = [(name, problem) for name, problem in changed if is_evidence(name) or name == NAME]
        if evidence and not reseal:
            raise BadSubjectError(
                f"{trial.path}: changed since it was sealed: {in_words(evidence)}",
                "restore the sealed files, or seal the present ones with --reseal, which the ledger records",
            )
        if evidence:
            trial.note(LedgerKind.RESEALED, ".", in_words(evidence), seal_of(found))
            found[LEDGER] = sha256_of(trial.path / LEDGER)
            tell(f"sealed again although it has changed: {in_words(evidence)}")
        if rewritten := [name for name, _ in changed if not is_evidence(name) and name != NAME]:
            tell(f"changed since it was written, and written again: {', '.join(rewritten[:SHOWN])}")
        seal(trial, found)
        tell(f"seal of the evidence: {_last_seal(trial)}")
        return report_path(trial.path)


def changes_since_sealed(folder: Path | str) -> list[Problem]:
    """(name, problem) of all in a trial that is another than it was sealed.

    Raises:
        UsageError: it is no trial, or its manifest is none.
    """
    return broken_seal(TrialFolder.open(Path(folder)))


def broken_seal(trial: TrialFolder, found: Mapping[str, str] | None = None) -> list[Problem]:
    """(name, problem) of all that is another than it was sealed; empty where the seal holds, or none was made yet.

    Where the manifest is gone, the seal at the foot of the last report speaks for it; a trial that was resumed after
    that report was written is open, and has none.

    Args:
        trial: to look at.
        found: its hashes, where they are known.
    """
    found = all_hashes(trial.path) if found is None else found
    if is_sealed(trial.path):
        return mismatches(trial.path, found)
    held = _last_seal(trial)
    if not held or held == seal_of(found):
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
            f"{trial.path}: changed since it was sealed: {in_words(changed)}",
            "restore the sealed files, or seal the present ones with onbox report --reseal",
        )
    held = seal_of(all_hashes(trial.path)) if is_sealed(trial.path) else _last_seal(trial)
    # Before the ledger grows: a kill between the two leaves evidence that still has the seal of its report.
    (trial.path / NAME).unlink(missing_ok=True)
    return held


def in_words(problems: Sequence[Problem]) -> str:
    """The first few problems in one line."""
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return (
        "; ".join(one_line(f"{name}: {problem}", PROBLEM_CHARACTERS_MAX) for name, problem in problems[:SHOWN]) + more
    )


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
