"""Whether a conversation outgrew the context, or the harness asked for more output than fits.

The words are those of the servers that docs/judging.md names, and of the gateways before them.
"""

import re
from typing import Any

from onbox.protocol.call_arguments import output_limit

CONTEXT = re.compile(
    r"context[ _](?:length|size|window|limit)|exceed\w*.{0,40}context|context.{0,40}(?:exceed|overflow)"
    r"|max_(?:completion_)?tokens.{0,80}too large|max_tokens must be at least 1, got -\d"
    r"|(?:maximum|max)[ _](?:model|sequence|prompt|input|seq)[ _]?len(?:gth)?|max_seq_len|max_model_len|max_num_tokens"
    r"|exceeds? the (?:maximum )?(?:allowed|model)\b.{0,20}length|prompt (?:is )?too long|input is too long"
    r"|\d+ tokens?\W.{0,40}exceed|maximum number of tokens|tokens? (?:count|limit) exceed|too many tokens"
    r"|`?inputs`? (?:tokens \+|must have less than)"
    r"|default_max_tokens \(-?\d+\) must be greater than 0|reduce the length of the (?:input|messages|prompt)",
    re.IGNORECASE | re.DOTALL,
)
RATE_LIMIT = re.compile(r"rate.?limit|tokens per (?:min|day|hour)|\bTPM\b|quota|request body|bytes", re.IGNORECASE)
"""Limits of another kind that are told in the same words."""
WINDOW = re.compile(
    r"(?:context (?:length|size|window)|n_ctx|max_seq_len|maximum (?:model|input|allowed|sequence) length)"
    r"(?! by)\D{0,24}?(\d{3,})"
    r"|longer than the model's context length \((\d{3,})|must be <= (\d{3,})|less than (\d{3,}) tokens"
    r"|exceed context limit: \d+ \+ \d+ > (\d{3,})|tokens? > (\d{3,}) maximum|\d+ tokens? exceeds? (\d{3,})",
    re.IGNORECASE,
)
PROMPT = re.compile(
    r"(\d+) (?:tokens )?(?:in|from) (?:the|your) (?:messages|input|prompt)|(\d+) input tokens|request \((\d+) tokens\)"
    r"|prompt (?:contains|has)\D{0,12}(\d+)|(?:prompt|input) (?:length )?\(?(?:length )?(\d+)(?: tokens)?\)"
    r"|exceed context limit: (\d+) \+|keep the first (\d+) tokens|(\d+) tokens? exceeds? \d|(\d+) `inputs` tokens"
    r"|Given: (\d+)|too long: (\d+) tokens",
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
    limit, window = output_limit(request), _number(WINDOW, error)
    if limit is None or window is None:
        return False
    prompt = _number(PROMPT, error)
    if prompt is None:
        return limit >= window
    return window - prompt >= ROOM_TOKENS and prompt + limit > window


def _number(pattern: re.Pattern[str], text: str) -> int | None:
    found = pattern.search(text)
    return int(next(group for group in found.groups() if group)) if found else None
