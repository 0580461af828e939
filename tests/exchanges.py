"""Exchanges for tests: what an agent asked a llama.cpp server, and the bytes that came back, with their times."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from onbox.evidence.records import Exchange

AT = "2026-11-23T12:00:00.000Z"
SECOND_NS = 1_000_000_000
BASH_TOOL = {
    "type": "function",
    "function": {
        "name": "bash",
        "description": "Run a bash command in the repository and return its output.",
        "parameters": {
            "type": "object",
            "properties": {"command": {"type": "string"}},
            "required": ["command"],
        },
    },
}


def chat_request(tools: Sequence[Mapping[str, Any]] = (BASH_TOOL,), **more: Any) -> dict[str, Any]:
    """The body of a streamed /chat/completions request."""
    body: dict[str, Any] = {
        "model": "default",
        "messages": [{"role": "user", "content": "Rename the function foo to bar in main.py."}],
        "stream": True,
        "stream_options": {"include_usage": True},
        **more,
    }
    return {**body, "tools": [dict(tool) for tool in tools]} if tools else body


def event(payload: Mapping[str, Any] | str) -> str:
    """One server-sent event."""
    return f"data: {payload if isinstance(payload, str) else json.dumps(payload)}\n\n"


def delta(finish_reason: str | None = None, **fields: Any) -> str:
    """One event with a choice in it."""
    return event({"choices": [{"index": 0, "delta": fields, "finish_reason": finish_reason}]})


def call_delta(name: str, arguments: Mapping[str, Any] | str, index: int = 0) -> str:
    """One event with a whole tool call in it."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    function = {"name": name, "arguments": text}
    return delta(tool_calls=[{"index": index, "id": f"call{index}", "type": "function", "function": function}])


def usage_event(prompt: int, completion: int, cached: int = 0, timings: Mapping[str, Any] | None = None) -> str:
    """The last event before [DONE]."""
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    return event({"choices": [], "usage": usage, **({"timings": dict(timings)} if timings else {})})


def streamed(
    chunks: Sequence[tuple[float, str]],
    *,
    id: int = 1,
    purpose: str = "agent",
    start_s: float = 0.0,
    request: Any = None,
    error: str | None = None,
    error_kind: str | None = None,
) -> Exchange:
    """A streamed exchange from (seconds since the request, text) pairs."""
    stamped = tuple((round(at_s * SECOND_NS), text) for at_s, text in chunks)
    return Exchange(
        id=id,
        purpose=purpose,
        started_at=AT,
        t0_ns=round(start_s * SECOND_NS),
        method="POST",
        path="/v1/chat/completions",
        request=chat_request() if request is None else request,
        status=200,
        headers={"content-type": "text/event-stream"},
        chunks=stamped,
        ended_ns=stamped[-1][0] if stamped else 0,
        error=error,
        error_kind=error_kind,
    )


def text_reply(
    text: str = "",
    *,
    reasoning: str = "",
    finish_reason: str = "stop",
    completion_tokens: int = 20,
    id: int = 1,
    start_s: float = 0.0,
    request: Any = None,
) -> Exchange:
    """An agent's exchange that was answered without a tool call."""
    parts = [delta(role="assistant", content=None)]
    parts += [delta(reasoning_content=reasoning)] if reasoning else []
    parts += [delta(content=text)] if text else []
    parts += [delta(finish_reason), usage_event(100, completion_tokens), event("[DONE]")]
    return streamed([(0.5 + 0.1 * n, part) for n, part in enumerate(parts)], id=id, start_s=start_s, request=request)


def call_reply(
    command: str | Mapping[str, Any] = "ls",
    *,
    name: str = "bash",
    arguments: str | None = None,
    id: int = 1,
    start_s: float = 0.0,
) -> Exchange:
    """An agent's exchange that was answered with one tool call; `arguments` replaces the JSON text."""
    given = command if isinstance(command, Mapping) else {"command": command}
    call = call_delta(name, given if arguments is None else arguments)
    parts = [delta(role="assistant", content=None), call, delta("tool_calls"), usage_event(100, 15), event("[DONE]")]
    return streamed([(0.5 + 0.1 * n, part) for n, part in enumerate(parts)], id=id, start_s=start_s)


def plain_reply(
    status: int | None, body: Any, *, id: int = 1, error: str | None = None, request: Any = None
) -> Exchange:
    """An exchange answered with one JSON document, or with nothing (`status` None and an `error`)."""
    text = "" if body is None else json.dumps(body)
    return Exchange(
        id=id,
        purpose="agent",
        started_at=AT,
        t0_ns=0,
        method="POST",
        path="/v1/chat/completions",
        request=chat_request() if request is None else request,
        status=status,
        headers={} if status is None else {"content-type": "application/json"},
        chunks=((SECOND_NS, text),) if text else (),
        ended_ns=SECOND_NS,
        error=error,
    )
