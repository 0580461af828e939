"""Whether `trajectory.json`, which people read, says what passed on the wire.

Each answer of the model in a trajectory is one on the wire, word for word and in the same order, and each whole answer
on the wire is in the trajectory. Of onbox's own agent, what it said and what its tools returned is in its requests too;
what came after its last request is in none, and is not held.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from onbox.protocol.reply import Reply
from onbox.untrusted_json import UntrustedJsonError, parse

REDACTED = "[redacted]"
ASSISTANT = "assistant"


class AssistantMessage(NamedTuple):
    """One answer of the model: content, reasoning, and (name, arguments) of each call."""

    content: str
    reasoning: str
    calls: tuple[tuple[str, str], ...]


def assistant_message(reply: Reply) -> AssistantMessage:
    """What a reply holds, as a trajectory tells it."""
    calls = tuple((_plain(call.name), _plain(call.arguments)) for call in reply.tool_calls)
    return AssistantMessage(_plain(reply.content), _plain(reply.reasoning), calls)


def trajectory_problem(
    path: Path, replies: Sequence[tuple[Reply, int | None]], last_request: Any, *, cut_off: bool
) -> str:
    """What a trajectory says that the wire does not, in words; empty where they agree, or where there is none.

    Args:
        path: of `trajectory.json`.
        replies: (answer, HTTP status) of each request of the agent.
        last_request: of onbox's own agent, whose words all pass over the wire; None: another agent's, or there is none.
        cut_off: whether something else than its own end stopped the agent: the last answer may have come too late.
    """
    try:
        steps = _steps(path)
    except FileNotFoundError:
        return ""
    except (UntrustedJsonError, OSError) as error:
        return f"cannot be read: {error}"
    answers = [(assistant_message(reply), _is_complete(reply, status)) for reply, status in replies]
    if cut_off and answers:
        answers[-1] = (answers[-1][0], False)
    return compare(steps, answers) or ("" if last_request is None else _others(steps, last_request))


def sent_problem(path: Path, last_request: Any) -> str:
    """What a trajectory says of agent and tools that was not sent, in words; empty where they agree, or there is none.

    Nothing is said of the model's answers: those depend on how replies are read, and this does not.

    Args:
        path: of `trajectory.json`.
        last_request: as `trajectory_problem` takes it.
    """
    try:
        return "" if last_request is None else _others(_steps(path), last_request)
    except FileNotFoundError:
        return ""
    except (UntrustedJsonError, OSError) as error:
        return f"cannot be read: {error}"


def compare(steps: Sequence[Mapping[str, Any]], replies: Sequence[tuple[AssistantMessage, bool]]) -> str:
    """Hold the model's answers of a trajectory against those of the wire.

    Args:
        steps: of the trajectory.
        replies: (what was said, whether it came whole) of each answer on the wire.
    """
    messages = [_message_of_step(step) for step in steps if step.get("role") == ASSISTANT]
    if not messages and not steps:
        return ""  # The harness failed in the run, and its record says so.
    place = 0
    for number, message in enumerate(messages, 1):
        while place < len(replies) and not _same_answer(message, replies[place][0]) and not replies[place][1]:
            place += 1  # A broken answer may be left out.
        if place == len(replies) or not _same_answer(message, replies[place][0]):
            return f"answer {number} of the model is not the one on the wire"
        place += 1
    if any(whole for _, whole in replies[place:]):
        return f"{len(messages)} answers of the model, and more on the wire"
    return ""


def _others(steps: Sequence[Mapping[str, Any]], request: Any) -> str:
    """What the agent and its tools said, against the last request, which repeats all of it."""
    texts = [str(step.get("content") or "") for step in steps if step.get("role") != ASSISTANT]
    sent = [text for role, text in _messages(request) if role != ASSISTANT]
    for number, (one, other) in enumerate(zip_longest(texts, sent), 1):
        if other is None:
            return ""
        if one is None or not _alike(_plain(one), _plain(other)):
            return f"what the agent or its tools said, number {number}, is not what was sent to the model"
    return ""


def _messages(request: Any) -> Iterator[tuple[str, str]]:
    """(role, text) of what a request repeats, in the words of chat completions or of /responses."""
    body = request if isinstance(request, dict) else {}
    for item in (*_list(body.get("messages")), *_list(body.get("input"))):
        if not isinstance(item, dict):
            continue
        if item.get("type") == "function_call_output":
            yield "tool", _text(item.get("output"))
        elif isinstance(role := item.get("role"), str):
            yield role, _text(item.get("content"))


def _is_complete(reply: Reply, status: int | None) -> bool:
    return status == 200 and not reply.error


def _steps(path: Path) -> list[dict[str, Any]]:
    value = parse(path.read_bytes(), any_integer=True)
    steps = value.get("steps") if isinstance(value, dict) else None
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def _message_of_step(step: Mapping[str, Any]) -> AssistantMessage:
    calls = tuple(
        (_plain(_text(call.get("name"))), _plain(_text(call.get("arguments"))))
        for call in _list(step.get("tool_calls"))
        if isinstance(call, dict)
    )
    return AssistantMessage(_plain(_text(step.get("content"))), _plain(_text(step.get("reasoning"))), calls)


def _same_answer(one: AssistantMessage, other: AssistantMessage) -> bool:
    if len(one.calls) != len(other.calls):
        return False
    pairs = [(one.content, other.content), (one.reasoning, other.reasoning)]
    pairs += [pair for a, b in zip(one.calls, other.calls, strict=True) for pair in zip(a, b, strict=True)]
    return all(_alike(a, b) for a, b in pairs)


def _alike(one: str, other: str) -> bool:
    """Whether two texts are the same, but for keys that one of them had taken out."""
    if one == other:
        return True
    if REDACTED in one:
        return _holds(one.split(REDACTED), other)
    return REDACTED in other and _holds(other.split(REDACTED), one)


def _holds(pieces: Sequence[str], text: str) -> bool:
    """Whether a text begins and ends with the outer pieces, and has the others between them, in order."""
    if not text.startswith(pieces[0]) or not text.endswith(pieces[-1]):
        return False
    place = len(pieces[0])
    for piece in pieces[1:-1]:
        place = text.find(piece, place)
        if place < 0:
            return False
        place += len(piece)
    return place <= len(text) - len(pieces[-1])


def _plain(text: str) -> str:
    """Half characters pass no wire."""
    return text.encode("utf-8", "replace").decode()


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "".join(str(part.get("text") or "") for part in value if isinstance(part, dict))
    return value if isinstance(value, str) else json.dumps(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
