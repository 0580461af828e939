"""Whether plan, ledger and runs of a trial agree: what an edit leaves behind even when the hashes are made anew.

Hashes show that files are as they were when they were sealed. Whoever seals again can edit first: cut runs from the
plan, drop a task, delete a run. Then the plan is not the one that the ledger was begun with, or runs lie there that
nobody asked for, or runs are gone that were accepted.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from onbox.evidence.extent import runs_asked
from onbox.evidence.folder import TrialFolder
from onbox.evidence.manifest import Problem
from onbox.evidence.records import LedgerEntry, LedgerKind, Plan

SET_ASIDE = "set-aside"


def contradictions(
    folder: TrialFolder, plan: Plan, ledger: Sequence[LedgerEntry], names: Collection[str]
) -> list[Problem]:
    """(name, what is wrong) for each contradiction between plan, ledger and runs.

    Args:
        folder: of the trial.
        plan: `plan.yaml`.
        ledger: `ledger.jsonl`.
        names: of all files of the trial, relative to its folder.
    """
    outside = _outside(_runs(names), plan, runs_asked(plan, ledger))
    return [*_plan(folder, ledger), *outside, *_lost(folder, ledger, names)]


def not_held(ledger: Sequence[LedgerEntry], names: Collection[str]) -> list[str]:
    """Sentences about what cannot be held against the ledger, which older trials and kills leave behind."""
    notes = []
    if ledger and not _planned_hashes(ledger):
        notes.append(
            "the ledger does not hold the hash of plan.yaml, as an earlier onbox wrote it: the plan is not held"
        )
    accepted = {entry.subject for entry in ledger if entry.kind is LedgerKind.ACCEPTED}
    silent = [run for run in _runs(names) if run not in accepted]
    if silent:
        more = f", and {len(silent) - 1} more" if len(silent) > 1 else ""
        notes.append(f"{silent[0]}{more}: recorded, and not in the ledger, as after a kill between the two")
    return notes


def _plan(folder: TrialFolder, ledger: Sequence[LedgerEntry]) -> Iterator[Problem]:
    """The plan is the one that the ledger was begun with, or the last by which it was openly replaced."""
    if not ledger:
        yield "ledger.jsonl", "is empty: it begins with the plan"
        return
    if ledger[0].kind is not LedgerKind.PLANNED:
        yield "ledger.jsonl", f"begins with {ledger[0].kind.value} and not with planned: lines are missing"
    known = _planned_hashes(ledger)
    if known and folder.plan_sha256() != known[-1]:
        yield "plan.yaml", "is another than the one whose hash the ledger was begun with: it was edited afterwards"


def _planned_hashes(ledger: Sequence[LedgerEntry]) -> list[str]:
    return [entry.sha256 for entry in ledger if entry.kind is LedgerKind.PLANNED and entry.sha256]


WRITTEN_LAST = ("run.json", "see.json")
"""Of a run or a measurement, and of what was shown to a contender."""
RUN_DEPTH = 6
"""Names from the trial's folder down to CONTENDER/runs/TASK/ARM/N/run.json, the file's own included."""


def _outside(recorded: Sequence[str], plan: Plan, runs: int) -> Iterator[Problem]:
    """Runs that neither the plan nor an extension in the ledger asks for."""
    contenders = {contender.name for contender in plan.contenders}
    tasks = {task.name for task in plan.tasks}
    for run in recorded:
        contender, _, task, arm, n = run.split("/")
        why = [
            *([] if contender in contenders else [f"contender {contender}"]),
            *([] if task in tasks else [f"task {task}"]),
            *([] if arm in plan.arms else [f"arm {arm}"]),
            *([] if n.isdecimal() and 1 <= int(n) <= runs else [f"run {n} of {runs}"]),
        ]
        if why:
            yield run, f"a run outside the plan, which knows no {', no '.join(why)}"


def _lost(folder: TrialFolder, ledger: Sequence[LedgerEntry], names: Collection[str]) -> Iterator[Problem]:
    """What the ledger accepted or set aside and the folder does not hold."""
    accepted = Counter(entry.subject.rstrip("/") for entry in ledger if entry.kind is LedgerKind.ACCEPTED)
    for subject, times in accepted.items():
        if "/" not in subject or any(f"{subject}/{last}" in names for last in WRITTEN_LAST):
            continue
        contender, _, place = subject.partition("/runs/")
        moved = list((folder.contender(contender) / SET_ASIDE).glob(f"{place}.*")) if place else []
        if len(moved) < times:
            yield subject, "the ledger accepted it, and it is not there"
    for entry in ledger:
        moved_there = entry.kind is LedgerKind.DISCARDED and f"/{SET_ASIDE}/" in entry.subject
        if moved_there and not (folder.path / entry.subject).is_dir():
            yield entry.subject, "the ledger set it aside, and it is not there"


def _runs(names: Collection[str]) -> list[str]:
    """Every run that is recorded, by its relative folder, whatever the plan says."""
    places = (name.split("/") for name in names if name.endswith(f"/{WRITTEN_LAST[0]}"))
    return sorted("/".join(place[:-1]) for place in places if len(place) == RUN_DEPTH and place[1] == "runs")
