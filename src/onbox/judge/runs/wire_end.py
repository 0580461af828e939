"""How the exchanges of a run ended: after its last whole answer, what did the server say?

An agent may ask again and again before it gives up, so all exchanges after the last whole answer are looked at, and one
that tells of the model, the serving or a limit is heard before one that tells of a fault from outside.
"""

import re
from collections.abc import Sequence

from onbox.evidence.records import Exchange, TransportError
from onbox.judge.formatting import one_line
from onbox.judge.runs.context_window import CONTEXT, RATE_LIMIT, harness_asked_too_much
from onbox.judge.runs.refused_history import broken_echo, cut_by_limit, holds_model_text, names_a_setting
from onbox.protocol.reply import Reply

UNPARSED = re.compile(
    r"does not match the expected .{0,60}format|failed to parse|unexpected token \d+ while expecting", re.IGNORECASE
)
GAVE_UP = frozenset({TransportError.CLIENT_LEFT, TransportError.RUN_ENDED})
"""An agent hung up, or its time was over; on a living engine it had waited long enough."""
BROKE = frozenset({TransportError.REFUSED, TransportError.RESET, TransportError.PROTOCOL, TransportError.ENCODING})
NAMED = {401: "I-AUTH", 403: "I-AUTH", 404: "I-MODEL404", 429: "I-429", 408: "I-5XX"}
BY_CONTEXT = (200, 400, 413, 422, 500)
"""Statuses that come with words of a full context."""


def wire_end(exchanges: Sequence[Exchange], replies: Sequence[Reply], *, limited: bool) -> tuple[str, str] | None:
    """(code, what was seen) of the errors that a run ended with; None when it ended with a whole answer.

    Args:
        exchanges: of the agent.
        replies: to them, in the same order.
        limited: whether a limit ended the run; then a stream that was cut off tells nothing of the server.
    """
    pairs = list(zip(exchanges, replies, strict=True))
    start = next((n + 1 for n in reversed(range(len(pairs))) if _is_complete(*pairs[n])), 0)
    found = [end for n in range(start, len(pairs)) if _tells(*pairs[n], limited=limited) and (end := _end(pairs, n))]
    return next((end for end in reversed(found) if not end[0].startswith("I-")), found[-1] if found else None)


def _is_complete(exchange: Exchange, reply: Reply) -> bool:
    return exchange.status == 200 and not reply.error and reply.done


def _tells(exchange: Exchange, reply: Reply, *, limited: bool) -> bool:
    """Whether an exchange without a whole answer tells anything of the server."""
    if exchange.error_kind in GAVE_UP:
        return bool(_words(exchange, reply)) and not limited
    if limited:
        refused = exchange.status is not None and exchange.status != 200
        return refused or exchange.error_kind in BROKE or bool(_words(exchange, reply))
    return True


def _words(exchange: Exchange, reply: Reply) -> str:
    """What the server said; the words of onbox for a broken connection are no evidence."""
    return "" if reply.error == exchange.error else reply.error or ""


def _end(pairs: Sequence[tuple[Exchange, Reply]], n: int) -> tuple[str, str]:
    exchange, reply = pairs[n]
    status, words = exchange.status, _words(exchange, reply)
    message = one_line(words or reply.error or exchange.error or f"HTTP status {status}")
    if status is None or (status == 200 and not reply.error):
        return "I-CONN", message
    full = CONTEXT.search(words) and not RATE_LIMIT.search(words) and status in BY_CONTEXT
    if not full and status in (400, 422, 500) and (echo := broken_echo(exchange.request)):
        if cut_by_limit(exchange.request, pairs[:n]):
            return "L-LEN", one_line(f"a call was cut off at the limit of output, and then refused: {message}")
        return "S-ARGS", one_line(
            f"the request holds {echo}", 200
        ) + f"; the server had said that itself, and answers {status}: {message}"
    if UNPARSED.search(words):
        return "S-PARSE500", message
    if full:
        return ("I-SETTING" if harness_asked_too_much(words, exchange.request) else "L-CTX"), message
    if exchange.error:
        return "I-CONN", message
    if status in NAMED or not 400 <= status < 500:
        return NAMED.get(status, "I-5XX"), message
    # An answer that broke off counts: an agent sends back what came of it.
    answered = [other for other, _ in pairs[:n] if other.status == 200]
    if answered and holds_model_text(exchange.request):
        if status == 413:
            return "L-CTX", f"larger than the server takes: {message}"
        if not names_a_setting(words, exchange.request, answered[-1].request):
            return "S-HISTORY", f"{len(answered)} answered before, then status {status}: {message}"
    return "I-4XX", message
