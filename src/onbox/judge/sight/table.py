"""The truth table: what the answers show comes first, then why, each only as far as it is known."""

from dataclasses import dataclass

from onbox.evidence.records import PreflightCase, SightFacts
from onbox.evidence.trial_evidence import SightEvidence
from onbox.judge.results import SightOutcome, SightResult, SightTrial
from onbox.judge.sight.answers import CHANCE_PARTS, Answers, answers_of
from onbox.schema.sight import SightReason
from onbox.schema.units import several

SEEN_SHARE = 0.5
"""Of the pictures at the larger size more must be read: then it sees."""
WELL_SHARE = 0.75
"""Of either size fewer read is seen badly."""


@dataclass(frozen=True)
class SightCause:
    """A row of the table.

    Args:
        sees: None where it is not known.
        reason: of the closed list.
        detail: in a sentence.
        advice: what helps.
    """

    sees: bool | None
    reason: SightReason
    detail: str
    advice: str = ""


def judge_sight(evidence: SightEvidence) -> SightResult | None:
    """Whether it sees, and why not; None where nobody asked.

    Args:
        evidence: the answers, and the facts about the server.
    """
    facts = evidence.facts
    if not facts.asked:
        return None
    answers = answers_of(evidence)
    cause = _by_answers(answers) or _by_facts(facts, answers) or _by_refusal(facts, answers, evidence.coherence)
    sees = cause.reason in (SightReason.SEES, SightReason.SEEN_BADLY)
    return SightResult(
        sees=cause.sees,
        reason=cause.reason,
        detail=cause.detail,
        advice=cause.advice,
        missing=() if sees else _missing(facts, cause, answers),
        rates=answers.rates(),
        controls=_controls(answers),
        trials=answers.trials,
    )


# ---------------------------------------------------------------- what the answers show


def _by_answers(answers: Answers) -> SightCause | None:
    """What needs no cause: it sees, or nothing can be said of the answers."""
    if guessed := answers.guessed():
        detail = f"question {guessed.n} was answered rightly {_without(guessed)}: the answers prove nothing"
        return SightCause(None, SightReason.UNKNOWN, detail)
    read = [trial for trial in answers.shown if trial.outcome is SightOutcome.READ]
    if not read and _parts(answers.larger) <= max(CHANCE_PARTS, _parts(answers.controls)):
        return None
    shares = [rate.read / rate.valid for rate in answers.rates() if rate.valid]
    counted = several([f"{rate.read} of {rate.valid} at {rate.width} x {rate.height} px" for rate in answers.rates()])
    sees = bool(shares) and shares[0] > SEEN_SHARE
    if shares and min(shares) >= WELL_SHARE:
        return SightCause(True, SightReason.SEES, f"it reads {counted}")
    some = "" if read else "; of others it reads parts"
    return SightCause(sees, SightReason.SEEN_BADLY, f"pictures arrive, and it reads {counted}{some}")


def _parts(trials: tuple[SightTrial, ...]) -> int:
    return sum(trial.found for trial in trials)


def _without(trial: SightTrial) -> str:
    return "with an empty picture" if trial.control == "blank" else "without a picture"


# ---------------------------------------------------------------- what is known of the server


def _by_facts(facts: SightFacts, answers: Answers) -> SightCause | None:
    """Why pictures are refused or ignored, where that is known; a cause is named only where something was asked."""
    if not _blind(answers):
        return None
    how = _how(answers)
    if facts.tower is False:
        return SightCause(False, SightReason.NO_TOWER, f"{how}; {facts.tower_seen}")
    if facts.flags:
        flags = several([f"{flag.option} ({flag.where})" for flag in facts.flags])
        known = "the weights hold a vision tower" if facts.tower else "whether the weights hold a tower is not known"
        advice = "; ".join(dict.fromkeys(flag.remedy for flag in facts.flags)) if facts.tower else ""
        return SightCause(False, SightReason.HIDDEN_BY_FLAG, f"{how}: hidden by {flags}; {known}", advice)
    if facts.projector_needed and facts.projector_given is False and facts.projector_beside:
        detail = f"{how}: the engine was given no projector, and {facts.projector_beside} lies beside the weights"
        advice = facts.remedies.get(SightReason.NO_PROJECTOR_GIVEN, "").replace("FILE", facts.projector_beside)
        return SightCause(False, SightReason.NO_PROJECTOR_GIVEN, detail, advice)
    if facts.template_needed and facts.template_slot is False:
        detail = f"{how}: the chat template goes through the parts of a message and has no place for a picture"
        advice = facts.remedies.get(SightReason.NO_IMAGE_SLOT, "") if facts.tower else ""
        return SightCause(False, SightReason.NO_IMAGE_SLOT, detail, advice)
    return None


def _by_refusal(facts: SightFacts, answers: Answers, coherence: PreflightCase | None) -> SightCause:
    """What is left: the engine's words, an answer that a picture does not change, or nothing to go by."""
    if not _blind(answers):
        return SightCause(None, SightReason.UNKNOWN, _nothing(answers))
    if refusal := _refusal(answers):
        advice = facts.remedies.get(SightReason.REFUSED, "") if facts.tower and facts.flags is None else ""
        return SightCause(False, SightReason.REFUSED, f"pictures are refused: {refusal.note}", advice)
    if coherence is not None and coherence.status == "fail":
        detail = f"{_how(answers)}, but it makes no sense without one either: {coherence.detail}"
        return SightCause(None, SightReason.UNKNOWN, detail)
    return SightCause(False, SightReason.IGNORED, _how(answers))


def _blind(answers: Answers) -> bool:
    """Whether it is the picture that is refused, or an answer came that holds nothing of it."""
    if refusal := _refusal(answers):
        plain = [trial for trial in answers.controls if trial.control == "text only"]
        return refusal is not None and any(_answered(trial) for trial in plain)
    return any(trial.outcome in (SightOutcome.NOT_READ, SightOutcome.PARTLY) for trial in answers.larger)


def _answered(trial: SightTrial) -> bool:
    return trial.outcome not in (SightOutcome.REFUSED, SightOutcome.BROKEN)


def _refusal(answers: Answers) -> SightTrial | None:
    """A refused picture, where no other was taken."""
    if any(_answered(trial) for trial in answers.shown):
        return None
    return next((trial for trial in answers.shown if trial.outcome is SightOutcome.REFUSED), None)


def _how(answers: Answers) -> str:
    if refusal := _refusal(answers):
        return f"pictures are refused ({refusal.note})"
    read = f"none of {len(answers.larger)} pictures is read"
    more = _more_tokens(answers)
    if more is None:
        return f"pictures are accepted, and {read}"
    if more <= 0:
        return f"pictures are accepted and dropped: the prompt is no longer with one than without, and {read}"
    return f"pictures are accepted, as {more} tokens of the prompt, and {read}"


def _more_tokens(answers: Answers) -> int | None:
    """By how much a picture lengthens the prompt of the same question; None where the server does not say."""
    lengths = {t.kind: t.prompt_tokens for t in answers.controls if t.control == "text only"}
    found = [
        trial.prompt_tokens - plain
        for trial in answers.larger
        if trial.prompt_tokens is not None and (plain := lengths.get(trial.kind)) is not None
    ]
    return min(found) if found else None


def _nothing(answers: Answers) -> str:
    if not answers.shown:
        return "no picture was shown"
    if _refusal(answers):
        return "the server refuses questions without a picture too"
    notes = list(dict.fromkeys(trial.note for trial in answers.shown if trial.note))
    return f"no answer about a picture came: {several(notes[:3])}" if notes else "no answer about a picture came"


def _missing(facts: SightFacts, cause: SightCause, answers: Answers) -> tuple[str, ...]:
    """What would have to be known to be surer of the cause."""
    found = []
    if cause.reason is SightReason.NO_TOWER:
        return ()
    if facts.tower is None:
        found.append(f"whether the weights hold a vision tower: {facts.tower_seen or 'they were not seen'}")
    if facts.flags is None:
        found.append("the options that the server was started with")
    if facts.projector_needed and facts.projector_given is None:
        found.append("whether the engine was given a projector (mmproj)")
    if facts.template_needed and facts.template_slot is None:
        found.append("whether the chat template has a place for a picture")
    if facts.says is False and cause.reason is SightReason.IGNORED:
        found.append("why the server says that it takes no pictures, and takes them")
    if cause.reason is SightReason.UNKNOWN and facts.ended != "complete":
        found.append(f"more answers: {facts.ended}")
    if not answers.controls:
        found.append("the answers without a picture")
    return (*found, *facts.unseen)


def _controls(answers: Answers) -> str:
    if not answers.controls:
        return "none was asked"
    if guessed := answers.guessed():
        return f"question {guessed.n} was answered rightly {_without(guessed)}"
    kinds = {control: [t for t in answers.controls if t.control == control] for control in ("text only", "blank")}
    counts = [f"{len(trials)} {name}" for name, trials in kinds.items() if trials]
    return f"{several(counts)}: none was answered rightly, as it should be"
