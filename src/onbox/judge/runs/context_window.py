"""Whether a conversation outgrew the context, or the harness asked for more output than fits."""

import re
from typing import Any

CONTEXT = re.compile(
    r"context (?:length|size|window)|exceed\w*.{0,40}context|maximum context|max_tokens.{0,80}too large", re.IGNORECASE
)
WINDOW = re.compile(r"(?:context (?:length|size|window)\D{0,24}?|n_ctx\D{0,6})(\d{3,})", re.IGNORECASE)
PROMPT = re.compile(
    r"(\d+) (?:tokens )?(?:in|from) (?:the|your) (?:messages|input|prompt)|(\d+) input tokens|request \((\d+) tokens\)"
    r"|prompt (?:contains|has)\D{0,12}(\d+)",
    re.IGNORECASE,
)
ROOM_TOKENS = 512
"""With this much room a smaller limit of output would have let the conversation go on."""


def harness_asked_too_much(error: str, request: Any) -> bool:
    """Whether a request was refused for the output that it asked for, while its prompt left room for an answer.

    Args:
        error: what the server said.
        request: the refused body.
    """
    asked, window = output_limit(request), _number(WINDOW, error)
    if asked is None or window is None:
        return False
    prompt = _number(PROMPT, error)
    if prompt is None:
        return asked >= window
    return window - prompt >= ROOM_TOKENS and prompt + asked > window


def output_limit(request: Any) -> int | None:
    """The output that a request allows, whichever API it speaks."""
    body = request if isinstance(request, dict) else {}
    limits = (body.get(name) for name in ("max_completion_tokens", "max_tokens", "max_output_tokens"))
    return next((limit for limit in limits if isinstance(limit, int) and limit > 0), None)


def _number(pattern: re.Pattern[str], text: str) -> int | None:
    found = pattern.search(text)
    return int(next(group for group in found.groups() if group)) if found else None
