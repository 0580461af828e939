"""One answer about one picture, held against what is in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from onbox.evidence.replies import read_reply
from onbox.evidence.sight_gates import Reading, read_by
from onbox.evidence.trial_evidence import SightEvidence, TryEvidence
from onbox.judge.intervals import wilson
from onbox.judge.results import SightOutcome, SightRate, SightTrial
from onbox.judge.rounding import rounded_pair
from onbox.protocol.reply import Reply

ANSWER_SHOWN = 300
REFUSAL_SHOWN = 240
CHANCE_PARTS = 1
"""A part of an answer may be guessed (one word of some 250, and some come to mind sooner); more than that is not."""


def judge_try(shown: TryEvidence) -> SightTrial:
    """Say how one question ended. Whatever came is data: it may be huge, broken, a tool call, or nothing."""
    exchange, attempt = shown.exchange, shown.question
    reply = read_reply(exchange) if exchange is not None else Reply()
    found = Reading(())
    if exchange is None or exchange.status is None or (exchange.status == 200 and (exchange.error or reply.error)):
        outcome, note = SightOutcome.BROKEN, _short((exchange and exchange.error) or reply.error or "nothing was kept")
    elif exchange.status != 200:
        message = reply.error or exchange.body()[: 4 * REFUSAL_SHOWN].decode("utf-8", "replace")
        outcome, note = SightOutcome.REFUSED, f"status {exchange.status}: {_short(message)}"
    else:
        found, outcome, note = _read(reply, attempt.expected, attempt.decoys)
    return SightTrial(
        n=attempt.n,
        kind=attempt.kind,
        control=attempt.control,
        width=attempt.width,
        height=attempt.height,
        expected=attempt.expected,
        found=sum(found.found),
        outcome=outcome,
        answer=_short(reply.content, ANSWER_SHOWN),
        note=note,
        prompt_tokens=reply.prompt_tokens,
        image=f"{shown.where}/{attempt.image}" if attempt.image else "",
    )


def _read(reply: Reply, expected: Sequence[str], decoys: Sequence[str]) -> tuple[Reading, SightOutcome, str]:
    for text, where in ((reply.content, ""), (reply.reasoning, "in its reasoning")):
        if text.strip():
            found = read_by(text, expected, decoys)
            if found.complete:
                return found, SightOutcome.READ, where
            if found.partly:
                named = f"it names {found.decoy} too" if found.decoy else ""
                return found, SightOutcome.PARTLY, ", ".join(part for part in (where, named) if part)
            if not where:
                return found, SightOutcome.NOT_READ, ""
    if reply.tool_calls:
        return Reading(()), SightOutcome.NO_ANSWER, "a tool call came in the place of an answer"
    if reply.reasoning.strip():
        cut = ", cut off at the limit of tokens" if reply.finish_reason == "length" else ""
        return Reading(()), SightOutcome.NO_ANSWER, f"only reasoning came{cut}"
    return Reading(()), SightOutcome.NO_ANSWER, "an empty answer"


@dataclass(frozen=True)
class Answers:
    """All answers of one contender, counted.

    Args:
        trials: each of them.
        larger: at the larger size.
        smaller: at the smaller size; empty where none was asked.
        controls: without a picture, or with an empty one.
    """

    trials: tuple[SightTrial, ...]
    larger: tuple[SightTrial, ...]
    smaller: tuple[SightTrial, ...]
    controls: tuple[SightTrial, ...]

    @property
    def shown(self) -> tuple[SightTrial, ...]:
        """Those with the picture."""
        return (*self.larger, *self.smaller)

    def rates(self) -> tuple[SightRate, ...]:
        """How many were read at each size, with Wilson's interval."""
        return tuple(_rate(size) for size in (self.larger, self.smaller) if size)

    def guessed(self) -> SightTrial | None:
        """A control that names what only the picture can tell; then no answer proves anything."""
        return next((t for t in self.controls if t.outcome is SightOutcome.READ or t.found > CHANCE_PARTS), None)


def answers_of(evidence: SightEvidence) -> Answers:
    """Judge each answer and sort them by size."""
    trials = tuple(judge_try(each) for each in evidence.tries)
    shown = [trial for trial in trials if not trial.control]
    widest = max((trial.width for trial in shown), default=0)
    return Answers(
        trials=trials,
        larger=tuple(trial for trial in shown if trial.width == widest),
        smaller=tuple(trial for trial in shown if trial.width != widest),
        controls=tuple(trial for trial in trials if trial.control),
    )


def _rate(trials: Sequence[SightTrial]) -> SightRate:
    valid = [trial for trial in trials if trial.outcome is not SightOutcome.BROKEN]
    read = sum(trial.outcome is SightOutcome.READ for trial in valid)
    return SightRate(
        width=trials[0].width,
        height=trials[0].height,
        read=read,
        valid=len(valid),
        interval=rounded_pair(wilson(read, len(valid))),
    )


def _short(text: str, limit: int = REFUSAL_SHOWN) -> str:
    flat = " ".join(text[: 20 * limit].split())
    return flat if len(flat) <= limit else f"{flat[:limit]}..."
