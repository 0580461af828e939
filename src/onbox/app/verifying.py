"""Whether the evidence is what was sealed, and whether all that is computed from it follows.

What is looked at, in this order; a fault in one step ends the check, for the next would only repeat it:

1. every file against the manifest, and that there is nothing but files;
2. the seal of the evidence against the published one, where it is given;
3. plan, ledger and runs against each other;
4. the trajectories against the wire, the verdict and the reports against what they are computed from.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from onbox.app import imports
from onbox.app.long_trials import read_folder
from onbox.app.parallel_work import without_collections
from onbox.app.sealing import ComputedFile, all_hashes, computed, in_words
from onbox.errors import BadSubjectError, UsageError
from onbox.evidence.consistency import contradictions, not_held
from onbox.evidence.decode_rate import Sample
from onbox.evidence.folder import TrialFolder, read_json
from onbox.evidence.manifest import NAME, TRANSCRIPTS, VERDICT, Problem, mismatches, seal_of
from onbox.evidence.records import AgentStop
from onbox.evidence.trajectory import sent_problem, trajectory_problem
from onbox.evidence.trial_evidence import RunEvidence
from onbox.judge import RULES
from onbox.judge.results import Verdict
from onbox.judge.runs.run_context import run_folder
from onbox.schema.units import count

OWN_AGENTS = ("builtin", "builtin-responses")
SHA256_DIGITS = 64
MISSING = "missing"
KEY_CHARACTERS_MAX = 80
RULES_4_CHECKS = ("RUNS_INDEPENDENT", "COVERAGE", "CEILING", "ALL_OR_NONE")
"""Checks that count other runs since rules 4: each answer once, and the baseline arm alone. The last two are one by its
names before and since rules 5."""
RULES_8_CHECKS = ("ARM_ISOLATED",)
"""Checks that find a server's tools by another pattern since rules 8."""
RULES_8 = 8
"""The rules since which replies are read as clients read them, where servers write them in odd forms."""
FROM_REPLIES = frozenset(
    {
        "detail",
        "replay",
        "replay_bound",
        "tool_calls",
        "prompt_tokens",
        "completion_tokens",
        "ttft_s",
        "decode_tok_s",
        "each_turn",
    }
)
"""Fields of a run that depend on how its replies are read."""


@dataclass(frozen=True)
class Verification:
    """What a check of a trial's hashes and of what is computed from it found.

    Args:
        folder: of the trial.
        mismatches: (file, problem) of each difference; none where all holds.
        notes: what could not be compared, in sentences.
        seal: of the evidence as it lies.
        rules: by which its verdict was computed; an earlier onbox had others than today's.
    """

    folder: Path
    mismatches: tuple[Problem, ...]
    notes: tuple[str, ...] = ()
    seal: str = ""
    rules: int = RULES

    @property
    def by_todays_rules(self) -> bool:
        """Whether the whole verdict was compared, and not only what earlier rules count alike."""
        return self.rules == RULES

    def check(self) -> None:
        """Do nothing where all holds.

        Raises:
            BadSubjectError: a file has changed, or something does not follow from the evidence.
        """
        if self.mismatches:
            raise BadSubjectError(f"{self.folder}: does not verify: {in_words(self.mismatches)}")


@without_collections()
def verify_trial(folder: Path | str, *, against: str = "") -> Verification:
    """Check that no file of a trial has changed, and that its verdict and its reports follow from its evidence.

    Args:
        folder: of the trial, or of an import.
        against: the seal that was published with the report; empty: none is known.

    Raises:
        UsageError: it is no trial, was not finished, or what it is held against is no SHA-256.
    """
    folder, against = Path(folder), against.strip().lower()
    if against and (len(against) != SHA256_DIGITS or set(against) - set("0123456789abcdef")):
        raise UsageError(f"--against {against[:80]}: no SHA-256", "give the 64 digits from the end of the report")
    found: Mapping[str, str] = {}
    if folder.is_dir():
        found = all_hashes(folder)
    trial = folder if imports.is_import(folder) else TrialFolder.open(folder)
    seal = seal_of(found)
    problems: tuple[Problem, ...] = tuple(mismatches(folder, found))
    if not problems and against and against != seal:
        problems = ((NAME, f"the seal of the evidence is {seal}, not the one given by --against"),)
    if problems:
        return Verification(folder, problems, seal=seal)
    if not isinstance(trial, TrialFolder):
        held = imports.hold(folder)
        return Verification(folder, held.problems, held.notes, seal, held.rules)
    return _recomputed(trial, seal, found)


def _recomputed(trial: TrialFolder, seal: str, found: Mapping[str, str]) -> Verification:
    """Whether all follows that must follow from the files of a trial whose hashes hold."""
    try:
        ledger = trial.ledger()
        plan = trial.plan()
        if problems := contradictions(trial, plan, ledger, found):
            return Verification(trial.path, tuple(problems), seal=seal)
        own = plan.agent.name in OWN_AGENTS and plan.agent.command is None
        read = read_folder(trial, lambda run, samples: _trajectory(trial, run, samples, own_agent=own))
        differing = [(f"{run}/trajectory.json", found) for run, found in read.further if found.problem]
        verdict = read.verdict
        del read
        made = computed(trial, verdict, seal)
        same = found.get(VERDICT) == made[0].sha256
        # Both as objects take more memory than all the rest, and are needed only to name what differs.
        written = {"rules": RULES} if same else _written_verdict(trial.path / VERDICT)
    except (UsageError, OSError, ValueError) as error:
        # The seal holds, so this is what was sealed: no mistake of the caller's.
        return Verification(trial.path, (_unreadable(trial, error),), seal=seal)
    rules = written.get("rules", 1)
    wrong, on_trajectories = _trajectories(differing, rules)
    notes = [*not_held(ledger, found), *_notes_on_rules(written, verdict), *on_trajectories]
    problems = wrong + ([] if same else list(_verdict(written, verdict)))
    of_reports, on_reports = _reports(trial, made, found, verdict if rules == RULES else None)
    return Verification(trial.path, (*problems, *of_reports), (*notes, *on_reports), seal, rules)


def _written_verdict(path: Path) -> Mapping[str, Any]:
    """The verdict that is written, its runs and checks lists of objects: whoever seals a folder writes what they like.

    Raises:
        UsageError: it is something else.
    """
    written = read_json(path)
    if not isinstance(written, dict) or type(written.get("rules", 1)) is not int:
        raise UsageError(f"{path}: no verdict")
    for part in ("runs", "checks"):
        entries = written.get(part, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise UsageError(f"{path}: {part} is no list of objects")
    return written


def _notes_on_rules(written: Mapping[str, Any], verdict: Verdict) -> Iterator[str]:
    """What a verdict by other rules than today's is held to; nothing on one by today's."""
    if written.get("rules", 1) == RULES:
        return
    yield (
        f"verdict.json was computed by rules {written.get('rules', 1)} of an earlier onbox, today's are {RULES}: "
        "its runs and the checks that both count alike are compared, but for failures that these lay to another "
        "cause; its verdict, rates and speeds are not; onbox report writes it again"
    )
    if written.get("rules", 1) < RULES_8:
        yield (
            f"replies are read in another way since rules {RULES_8}: tokens, calls, rates and details of its runs are "
            "not compared"
        )
    if written.get("verdict") != verdict.verdict:
        yield f"verdict.json says {str(written.get('verdict'))[:20]}, and today's rules {verdict.verdict}"


def _reports(
    trial: TrialFolder, made: Sequence[ComputedFile], found: Mapping[str, str], verdict: Verdict | None
) -> tuple[list[Problem], list[str]]:
    """(problems, notes) of the reports that are written.

    Args:
        trial: whose reports they are.
        made: what is computed from its evidence now.
        found: the hash of each file.
        verdict: by the rules that the reports were written by; None: those were others than today's.
    """
    problems: list[Problem] = []
    notes = []
    of_other_make = False
    for each in (each for each in made if each.text):
        differs, note = _report(trial, each.name, each.text, verdict)
        of_other_make = of_other_make or bool(note)
        if differs == [MISSING] and verdict is None:
            # One that was there when it was sealed stands in the manifest, and is missed before this.
            differs, note = [], f"{each.name} is none of what that onbox wrote; onbox report writes it"
        problems += [(each.name, problem) for problem in differs]
        notes += [note] if note else []
    return ([*problems, *([] if of_other_make else _transcripts(made, found))]), notes


def _unreadable(trial: TrialFolder, error: Exception) -> Problem:
    message = error.message if isinstance(error, UsageError) else str(error)
    name, _, problem = message.removeprefix(f"{trial.path}/").partition(": ")
    return name, problem


class TrajectoryDifference(NamedTuple):
    """What a trajectory says that its wire does not, in words: by today's reading of replies, and by any reading.

    Both are empty where all agrees.
    """

    problem: str
    by_any_reading: str


def _trajectory(
    trial: TrialFolder, run: RunEvidence, samples: Sequence[Sample], *, own_agent: bool
) -> TrajectoryDifference:
    """What the trajectory of a run says that its wire does not."""
    path = trial.path / run_folder(run.record) / "trajectory.json"
    requests = [exchange for exchange in run.exchanges if exchange.purpose == "agent"]
    answers = [(sample.reply, sample.status) for sample in samples]
    cut_off = run.record.agent.stop is not AgentStop.ANSWERED
    request = requests[-1].request if requests and own_agent else None
    problem = trajectory_problem(path, answers, request, cut_off=cut_off)
    return TrajectoryDifference(problem, sent_problem(path, request) if problem else "")


def _trajectories(differing: Sequence[tuple[str, TrajectoryDifference]], rules: int) -> tuple[list[Problem], list[str]]:
    """(problems, notes) of trajectories that are not what today's onbox reads on the wire.

    Args:
        differing: (file, difference) of each of them.
        rules: by which the verdict was computed; before 8 an answer may have been read in another way.
    """
    if rules >= RULES_8:
        return [(name, found.problem) for name, found in differing], []
    wrong = [(name, found.by_any_reading) for name, found in differing if found.by_any_reading]
    read_otherwise = [(name, found.problem) for name, found in differing if not found.by_any_reading]
    if not read_otherwise:
        return wrong, []
    name, problem = read_otherwise[0]
    return wrong, [
        f"{count(len(read_otherwise), 'trajectory differs', 'trajectories differ')} from the wire as it is read since "
        f"rules {RULES_8}; an earlier onbox may have read the replies in another way ({name}: {problem})"
    ]


def _verdict(written: Mapping[str, Any], verdict: Verdict) -> Iterator[Problem]:
    """What differs between the verdict that is written and the one that the evidence gives now.

    Of a verdict by older rules that is compared which no rule since has changed: every run with its outcome, unless
    today's rules lay a failure to another cause, and the checks that count the same.
    """
    computed: Mapping[str, Any] = verdict.model_dump(mode="json")
    if written.get("rules", 1) != RULES:
        blamed_alike = _codes(written) == _codes(computed)
        written, computed = _shared(written, written), _shared(computed, written)
        if not blamed_alike:
            written, computed = _without_blame(written), _without_blame(computed)
    computed = _without_new(json.loads(json.dumps(computed)), written)
    for key in sorted({*written, *computed}):
        if written.get(key) != computed.get(key):
            yield VERDICT, f"{key[:KEY_CHARACTERS_MAX]} does not follow from the evidence"


def _shared(verdict: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
    """What no rule has changed since, of runs the fields that the older verdict knows."""
    before_8 = known.get("rules", 1) < RULES_8
    others = (*RULES_4_CHECKS, *(RULES_8_CHECKS if before_8 else ()))
    checks = [check for check in verdict.get("checks", ()) if check.get("id") not in others]
    fields = {name for run in known.get("runs", ()) for name in run} - (FROM_REPLIES if before_8 else set())
    runs = [{name: run.get(name) for name in fields} for run in verdict.get("runs", ())]
    return {"trial": verdict.get("trial"), "runs": runs, "checks": checks}


def _without_new(computed: Any, written: Any) -> Any:
    """What was computed, without fields that say nothing and that the onbox of that verdict did not know."""
    if isinstance(computed, dict) and isinstance(written, dict):
        return {
            key: _without_new(value, written.get(key))
            for key, value in computed.items()
            if value not in (None, {}, []) or key in written
        }
    if isinstance(computed, list) and isinstance(written, list) and len(computed) == len(written):
        return [_without_new(*pair) for pair in zip(computed, written, strict=True)]
    return computed


BLAME = frozenset({"outcome", "attribution", "code", "detail", "replay", "replay_bound"})


def _codes(verdict: Mapping[str, Any]) -> list[Any]:
    return [run.get("code") for run in verdict.get("runs", ())]


def _without_blame(verdict: Mapping[str, Any]) -> Mapping[str, Any]:
    runs = [{key: value for key, value in run.items() if key not in BLAME} for run in verdict.get("runs", ())]
    return {"runs": runs}


def _transcripts(made: Sequence[ComputedFile], found: Mapping[str, str]) -> Iterator[Problem]:
    """What differs between the pages of transcripts beside a long report and those that the evidence gives now."""
    wanted = {each.name: each.sha256 for each in made if each.name.startswith(f"{TRANSCRIPTS}/")}
    for name, sha256 in wanted.items():
        if found.get(name) != sha256:
            yield name, "does not follow from the evidence" if name in found else "missing"
    for name in found:
        if name.startswith(f"{TRANSCRIPTS}/") and name not in wanted:
            yield name, "no page of this report"


def _report(trial: TrialFolder, name: str, rendered_now: str, verdict: Verdict | None) -> tuple[list[str], str]:
    """(problems, note) of a report that is written, held against the one that the evidence gives now; a note is of one
    that another onbox wrote.

    Args:
        trial: whose report it is.
        name: of the report.
        rendered_now: from the evidence.
        verdict: that a report of another onbox by the same rules says too; None: by other rules.
    """
    from onbox.report.reproduce import foot_of

    path = trial.path / name
    if not path.is_file():
        return [MISSING], ""
    there = path.read_bytes()
    if there == rendered_now.encode():
        return [], ""
    text = there.decode("utf-8", "replace")
    recorded_foot, foot_now = foot_of(text), foot_of(rendered_now)
    if recorded_foot is not None and foot_now is not None and recorded_foot[1] == foot_now[1]:
        return ["does not follow from the evidence"], ""
    return _of_other_make(name, text, rendered_now, verdict)


def _of_other_make(name: str, text: str, rendered_now: str, verdict: Verdict | None) -> tuple[list[str], str]:
    """(problems, note) of a report that another onbox wrote, or that says so; by other rules its numbers may be others,
    and are quoted."""
    from onbox.report.other_version import compare, unsaid

    if verdict is not None and (problem := unsaid(text, rendered_now, verdict)):
        return [problem], ""
    found = compare(text, rendered_now)
    lines = f"{count(found.alike, 'line')} with numbers as the evidence gives them now"
    if found.wrong and verdict is None:
        there, now = found.wrong[0]
        lines += f", {len(found.wrong)} with others, as rules may give (“{there}”, now “{now}”)"
    if found.otherwise:
        lines += f", {len(found.otherwise)} in its own words, held to nothing (“{found.otherwise[0]}”)"
    wrong = [] if verdict is None else found.wrong
    return (
        [f"says “{there}”, and by the evidence it is “{now}”" for there, now in wrong],
        f"{name} was written by another onbox: {lines}; onbox report writes it again",
    )
