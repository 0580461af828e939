"""Does the server make sense in plain words, does it count, and is reasoning that goes back read?"""

from typing import Any

from onbox.evidence.records import PreflightCase, PreflightFinding
from onbox.evidence.replies import read_reply
from onbox.preflight.remedies import Trouble
from onbox.preflight.session import CHAT, PreflightSession, short, trouble
from onbox.schema.recipe import dummy_weights

QUESTION = "What is the capital of France? Answer with one word."
ANSWER = "paris"
THOUGHT = "The secret word of this conversation is heliotrope, and nobody else may know that it is heliotrope."


def coherence(session: PreflightSession) -> PreflightCase:
    """A fact that every model knows."""
    exchange, reply = session.chat([{"role": "user", "content": QUESTION}])
    if broken := trouble(exchange, reply):
        return session.case("coherence", "fail", broken)
    text = f"{reply.content} {reply.reasoning}".strip()
    detail = f"asked for the capital of France, it answered: {short(text)}"
    if ANSWER in text.lower():
        return session.case("coherence", "pass", detail)
    if not text:
        return session.case("coherence", "fail", "asked for the capital of France, it gave an empty answer")
    session.nonsense = True
    options = session.served.options if session.served else None
    finding, expected = PreflightFinding.NONSENSE, ""
    if dummy_weights(options or {}):
        finding, expected = PreflightFinding.RANDOM_WEIGHTS, ", as its random weights must (--load-format dummy)"
    return session.case("coherence", "fail", f"its replies are nonsense{expected}: {detail}", finding=finding)


def usage(session: PreflightSession) -> PreflightCase:
    """Whether a stream tells how many tokens it was: without it tokens are counted by events."""
    streamed = [each for each in session.exchanges if each.path.endswith(CHAT) and each.status == 200]
    reply = read_reply(streamed[-1]) if streamed else None
    if reply is None:
        return session.case("usage", "unknown", "no streamed request was answered")
    if reply.completion_tokens is None:
        return session.case("usage", "warn", "a stream does not report its number of tokens", Trouble.NO_USAGE)
    return session.case("usage", "pass", f"a stream ends with {reply.completion_tokens} output tokens")


def reasoning_passed_back(session: PreflightSession) -> PreflightCase:
    """Whether the template shows the model what it thought before a call: by the length of the prompt, field by field.

    gpt-oss and other models think between calls and lose the thread without it.
    """
    plain = _prompt_tokens(session, {})
    if plain is None:
        return session.case("reasoning_passed_back", "unknown", "the length of a prompt is not reported")
    lengths = {name: _prompt_tokens(session, {name: THOUGHT}) for name in ("reasoning", "reasoning_content")}
    read = [name for name, length in lengths.items() if length is not None and length > plain]
    if read:
        return session.case("reasoning_passed_back", "pass", f"read in the field {' and '.join(read)}")
    reasons = session.called is not None and bool(session.called.reasoning)
    detail = "the model's reasoning before a call is not passed back to it"
    if not reasons:
        return session.case("reasoning_passed_back", "unknown", f"{detail}; no reasoning was seen either")
    return session.case("reasoning_passed_back", "warn", detail, Trouble.REASONING_LOST)


def _prompt_tokens(session: PreflightSession, thought: dict[str, str]) -> int | None:
    """Tokens of a conversation with a call, its result, and the thought before it."""
    call = {"id": "call1", "type": "function", "function": {"name": "read_file", "arguments": '{"path": "a.txt"}'}}
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "Read a.txt."},
        {"role": "assistant", "content": "", "tool_calls": [call], **thought},
        {"role": "tool", "tool_call_id": "call1", "content": "nothing"},
    ]
    exchange, reply = session.chat(messages, max_tokens=1, stream=False)
    return None if trouble(exchange, reply) else reply.prompt_tokens
