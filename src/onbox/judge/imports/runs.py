"""One imported run: what its outcome is, by the little that another tool keeps of it."""

import re
from dataclasses import dataclass

from onbox.evidence.imported import ImportedRun
from onbox.judge.results import Cause, Outcome

CONTEXT = re.compile(
    r"context (?:length|window|size)|maximum context|exceed\w* (?:the |model'?s? )*(?:available |maximum )?context"
    r"|\d+ tokens? exceeds?|too many tokens|(?:prompt|input) is too long|n_ctx|context_length_exceeded",
    re.IGNORECASE,
)
"""How servers say that a conversation outgrew the context."""
_STATUS = r"(?:HTTP|status|code|error|API)[^\w\n]{0,3}(?:status|code|error)?[^\w\n]{0,3}"
NO_CONNECTION = r"connection (?:error|refused|reset)|ECONN\w+|fetch failed|socket hang up"
SERVER_ERROR = rf"{_STATUS}5\d\d\b|internal server error|bad gateway|service unavailable"
REASONS = (
    ("I-CONN", NO_CONNECTION, "no connection to the server"),
    ("I-5XX", SERVER_ERROR, "the server answered with an error"),
    ("I-429", rf"{_STATUS}429\b|rate.?limit|too many requests", "the server asked to wait"),
    ("I-AUTH", rf"{_STATUS}40[13]\b|unauthorized|invalid api key", "the server refused the key"),
    ("I-4XX", rf"{_STATUS}4\d\d\b|bad request", "the server refused the request"),
)
"""Code, what an agent's error says, and what it means: none of it is of the model's making."""


@dataclass(frozen=True)
class RunOutcome:
    """What an imported run counts as.

    Args:
        outcome: as the statistics count it.
        cause: who caused it, as far as it is told.
        code: from the failure taxonomy.
        detail: one sentence.
        open: whether nobody can tell serving and model apart: a better server might have made a pass of it.
    """

    outcome: Outcome
    cause: Cause
    code: str
    detail: str
    open: bool = False


def is_chat(run: ImportedRun) -> bool:
    """Whether the task wants words and no tool: agent-bench keeps their number there, and no changed files."""
    return run.task.startswith("chat") or (run.outputChars is not None and run.filesChanged is None)


def outcome_of(run: ImportedRun) -> RunOutcome:
    """A pass is a pass whatever went wrong on the way; a failure with an error that is not the model's is invalid."""
    if run.success:
        return RunOutcome(Outcome.PASSED, Cause.NONE, "PASS", "the gate passed")
    errors = run.errors if isinstance(run.errors, tuple) else ()
    words = " ".join(errors)
    if CONTEXT.search(words):
        return RunOutcome(Outcome.INVALID, Cause.LIMIT, "L-CTX", "the conversation outgrew the context")
    for code, pattern, meaning in REASONS:
        if re.search(pattern, words, re.IGNORECASE):
            return RunOutcome(Outcome.INVALID, Cause.BOX, code, meaning)
    if run.success is None:
        detail = f"not graded: {errors[0][:200]}" if errors else "not graded"
        return RunOutcome(
            Outcome.INVALID, Cause.AGENT if errors else Cause.GATE, "I-AGENT" if errors else "I-GATE", detail
        )
    if run.toolCalls == 0 and not is_chat(run):
        if run.exitCode:
            return RunOutcome(
                Outcome.INVALID, Cause.AGENT, "I-AGENT", "the agent ended in an error before its first call"
            )
        detail = "no tool call: the model never tried, or the server lost the calls"
        return RunOutcome(Outcome.FAILED, Cause.MODEL, "M-NOCALL", detail, open=True)
    low = [
        f"{key} {run.rewards[key]:g}, below {least:g}"
        for key, least in run.reward_min.items()
        if run.rewards[key] < least
    ]
    detail = f"the gate said no: {', '.join(low)}" if low else "the gate said no"
    return RunOutcome(Outcome.FAILED, Cause.MODEL, "F-GATE", detail)
