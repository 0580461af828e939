"""The verdict of a trial, from its evidence alone; and whether the evidence is what was sealed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onbox.app import imports
from onbox.errors import BadSubjectError
from onbox.evidence.claims import Claim, read_claims
from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import load_trial
from onbox.evidence.manifest import mismatches
from onbox.judge import RULES
from onbox.judge.results import Verdict
from onbox.judge.verdict.trial import judge

SHOWN = 5


def judge_trial(folder: Path | str, *, claims: Sequence[Claim] | Path = (), incumbent: str = "") -> Verdict:
    """Judge the trial, or the imported runs, in a folder again; nothing is written.

    Args:
        folder: of the trial, or of an import.
        claims: published rates to compare with, or their file.
        incumbent: of imported runs, the model that the owner runs now.

    Raises:
        UsageError: it is no trial, or a file is malformed.
    """
    if imports.is_import(Path(folder)):
        return imports.judge_again(Path(folder), incumbent)[0]
    published = read_claims(claims).claims if isinstance(claims, Path) else claims
    return judge(load_trial(TrialFolder.open(Path(folder))), published)


@dataclass(frozen=True)
class Verification:
    """What a check of a trial's hashes and of its verdict found.

    Args:
        folder: of the trial.
        mismatches: (file, problem) of each difference; none where all holds.
        notes: what could not be compared, in sentences.
    """

    folder: Path
    mismatches: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()

    def check(self) -> None:
        """Do nothing where all holds.

        Raises:
            BadSubjectError: a file has changed, or the verdict does not follow from the evidence.
        """
        if self.mismatches:
            lines = "; ".join(f"{file}: {problem}" for file, problem in self.mismatches[:SHOWN])
            more = f"; and {len(self.mismatches) - SHOWN} more" if len(self.mismatches) > SHOWN else ""
            raise BadSubjectError(f"{self.folder}: does not verify: {lines}{more}")


def verify_trial(folder: Path | str) -> Verification:
    """Check that no file of a trial has changed, and that its verdict follows from its evidence.

    Raises:
        UsageError: it is no trial, or was not finished.
    """
    folder = Path(folder)
    if imports.is_import(folder):
        return Verification(folder, tuple(mismatches(folder)) or imports.not_recomputed(folder))
    trial = TrialFolder.open(folder)
    changed = tuple(mismatches(folder))
    if changed:
        return Verification(folder, changed)
    written = json.loads((folder / "verdict.json").read_text("utf-8"))
    return Verification(folder, tuple(_recomputed(trial, written)), _by_older_rules(written))


def _by_older_rules(written: Mapping[str, Any]) -> tuple[str, ...]:
    if written.get("rules", 1) == RULES:
        return ()
    return (
        f"verdict.json was computed by rules {written.get('rules', 1)} of an earlier onbox, today's are {RULES}: "
        "its speeds are not compared; onbox report writes it again",
    )


def _recomputed(trial: TrialFolder, written: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What differs between the verdict that is written and the one that the evidence gives now.

    Of a verdict by older rules, all is compared but what rules 2 changed: speeds, and sentences about them.
    """
    computed: Mapping[str, Any] = judge(load_trial(trial)).model_dump(mode="json")
    if written.get("rules", 1) != RULES:
        written, computed = _without_speeds(written), _without_speeds(computed)
    computed = _without_new(json.loads(json.dumps(computed)), written)
    return [
        ("verdict.json", f"{key} does not follow from the evidence")
        for key in sorted({*written, *computed})
        if written.get(key) != computed.get(key)
    ]


def _without_new(computed: Any, written: Any) -> Any:
    """What was computed, without fields that say nothing and that the onbox of that verdict did not know."""
    if isinstance(computed, dict) and isinstance(written, dict):
        return {
            key: _without_new(value, written.get(key))
            for key, value in computed.items()
            if value is not None or key in written
        }
    if isinstance(computed, list) and isinstance(written, list) and len(computed) == len(written):
        return [_without_new(*pair) for pair in zip(computed, written, strict=True)]
    return computed


def _without_speeds(verdict: Mapping[str, Any]) -> Mapping[str, Any]:
    kept = {key: value for key, value in verdict.items() if key not in ("rules", "reasons", "headline")}
    contenders = [{k: v for k, v in each.items() if k != "speed"} for each in verdict.get("contenders", ())]
    return {**kept, "contenders": contenders}
