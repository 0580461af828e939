"""What one message of each API says, in one form for all of them.

Read are /chat/completions and /completions, OpenAI's /responses, Anthropic's /messages and chat in JSON lines
(`/api/chat`), streamed or whole. No message, however odd, makes a reader raise: what it does not know it leaves out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from onbox.protocol.protocol_check import oddity

REASONING_FIELDS = ("reasoning", "reasoning_content", "thinking")
CALL_ITEMS = ("function_call", "custom_tool_call")
"""How /responses names a call with arguments, and one with free text."""
ERROR_CHARS_MAX = 2000
_EMPTY: Mapping[str, Any] = MappingProxyType({})
FINISH_WORDS = MappingProxyType(
    {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "max_tokens": "length",
        "max_output_tokens": "length",
        "tool_use": "tool_calls",
    }
)
"""How the other APIs say what chat completions call `stop`, `length` and `tool_calls`."""


FAILED_WORDS = ("error", "abort")
"""How servers end a reply that failed in them, or that they gave up."""


@dataclass(slots=True)
class CallPiece:
    """A part of a tool call; parts with the same index belong together."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Piece:
    """What one message adds to a reply; the fields are those of `onbox.protocol.reply.Reply`."""

    text: str = ""
    reasoning: str = ""
    reasoning_field: str = ""
    calls: tuple[CallPiece, ...] = ()
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    timings: dict[str, Any] | None = None
    metrics: dict[str, Any] | None = None
    durations: dict[str, Any] | None = None
    error: str | None = None
    done: bool = False
    choices: int = 0
    token_ids: int | None = None

    @property
    def visible(self) -> bool:
        """Whether it shows content, reasoning or a part of a call."""
        return bool(self.text or self.reasoning or self.calls)


def piece_of(payload: Mapping[str, Any]) -> Piece:
    """Read one parsed message; the API is told by the message itself."""
    kind = _str(payload.get("type"))
    if kind.startswith("response.") or payload.get("object") == "response":
        return _responses(kind, payload)
    if kind in ("message", "message_start", "message_delta", "message_stop") or kind.startswith("content_block_"):
        return _messages(kind, payload)
    if isinstance(payload.get("done"), bool) and "choices" not in payload:
        return _json_lines(payload)
    return _chat(payload)


def error_text(error: Any) -> str:
    """What an error object says."""
    message = error.get("message") or error if isinstance(error, dict) else error
    return str(message)[:ERROR_CHARS_MAX]


# ---------------------------------------------------------------- /chat/completions and /completions


def _chat(payload: Mapping[str, Any]) -> Piece:
    """The message that a stream has most of: written for speed, each field looked up once."""
    chosen: Mapping[str, Any] | None = None
    count = 0
    choices = payload.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            index = choice.get("index")
            count = max(count, _int(index) + 1)
            if chosen is None and not index:
                chosen = choice
    first = _EMPTY if chosen is None else chosen
    delta = first.get("delta")
    if not isinstance(delta, dict):
        delta = _dict(first.get("message"))
    text, reasoning, field, ids = "", "", "", first.get("token_ids")
    calls: Any = None
    if delta:
        text = _text(delta.get("content")) or _text(delta.get("refusal"))
        reasoning, field = _reasoning(delta)
        calls = delta.get("tool_calls")
        ids = delta.get("token_ids") if "token_ids" not in first else ids
    reason = _str(first.get("finish_reason")) or None
    failure = f"the server ended it: finish_reason {reason}" if reason in FAILED_WORDS else None
    usage, timings, metrics = payload.get("usage"), payload.get("timings"), payload.get("metrics")
    return Piece(
        text or _text(first.get("text")),
        reasoning,
        field,
        tuple(_call(n, call) for n, call in enumerate(_list(calls)) if isinstance(call, dict)) if calls else (),
        reason,
        usage if usage and isinstance(usage, dict) else None,
        timings if timings and isinstance(timings, dict) else None,
        metrics if metrics and isinstance(metrics, dict) else None,
        error=_error(payload) or failure or (_detail(payload) if choices is None else oddity(payload)),
        choices=count,
        token_ids=len(ids) if isinstance(ids, list) else None,
    )


def _call(position: int, call: Mapping[str, Any]) -> CallPiece:
    function = _dict(call.get("function"))
    return CallPiece(
        index=position if call.get("index") is None else _int(call["index"]),
        id=_str(call.get("id")),
        name=_str(function.get("name")),
        arguments=_arguments(function.get("arguments")),
    )


# ---------------------------------------------------------------- /responses


def _responses(kind: str, payload: Mapping[str, Any]) -> Piece:
    index = _int(payload.get("output_index"))
    match kind:
        case "response.output_text.delta" | "response.refusal.delta":
            return Piece(text=_str(payload.get("delta")), choices=1)
        case "response.reasoning_text.delta" | "response.reasoning_summary_text.delta":
            return Piece(reasoning=_str(payload.get("delta")), reasoning_field="reasoning", choices=1)
        case "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta":
            return Piece(calls=(CallPiece(index, arguments=_str(payload.get("delta"))),), choices=1)
        case "response.output_item.added":
            return Piece(calls=_response_calls([payload.get("item")], index))
        case "response.completed" | "response.incomplete" | "response.failed":
            return _response_end(_dict(payload.get("response")))
        case "":
            return _response_body(payload)
    return Piece(error=_error(payload))


def _response_end(response: Mapping[str, Any]) -> Piece:
    output = [item for item in _list(response.get("output")) if isinstance(item, dict)]
    why = _str(_dict(response.get("incomplete_details")).get("reason"))
    called = any(item.get("type") in CALL_ITEMS for item in output)
    finish = (FINISH_WORDS.get(why, why) or "incomplete") if response.get("status") == "incomplete" else "stop"
    failed = response.get("status") == "failed"
    return Piece(
        finish_reason=None if failed else "tool_calls" if called and finish == "stop" else finish,
        usage=_usage(response.get("usage")),
        metrics=_dict(response.get("metrics")) or None,
        error=_error(response) or ("the response failed" if failed else None),
        done=True,
    )


def _response_body(response: Mapping[str, Any]) -> Piece:
    end = _response_end(response)
    output = [item for item in _list(response.get("output")) if isinstance(item, dict)]
    thoughts = [item for item in output if item.get("type") == "reasoning"]
    return Piece(
        text="".join(_text(item.get("content")) for item in output if item.get("type") == "message"),
        reasoning="".join(_text(item.get("content")) or _text(item.get("summary")) for item in thoughts),
        reasoning_field="reasoning" if thoughts else "",
        calls=_response_calls(output, 0),
        finish_reason=end.finish_reason,
        usage=end.usage,
        error=end.error,
        done=True,
        choices=1,
    )


def _response_calls(items: list[Any], first: int) -> tuple[CallPiece, ...]:
    return tuple(
        CallPiece(
            index=first + n,
            id=_str(item.get("call_id") or item.get("id")),
            name=_str(item.get("name")),
            arguments=_str(item.get("arguments") or item.get("input")),
        )
        for n, item in enumerate(items)
        if isinstance(item, dict) and item.get("type") in CALL_ITEMS
    )


# ---------------------------------------------------------------- Anthropic's /messages


def _messages(kind: str, payload: Mapping[str, Any]) -> Piece:
    index, delta = _int(payload.get("index")), _dict(payload.get("delta"))
    match kind:
        case "message_start":
            return Piece(usage=_usage(_dict(payload.get("message")).get("usage")))
        case "content_block_start":
            return _blocks([payload.get("content_block")], index)
        case "content_block_delta":
            text, thought = _str(delta.get("text")), _str(delta.get("thinking"))
            arguments = _str(delta.get("partial_json"))
            calls = (CallPiece(index, arguments=arguments),) if arguments else ()
            return Piece(text, thought, "thinking" if thought else "", calls, choices=1)
        case "message_delta":
            return Piece(finish_reason=_stop_reason(delta), usage=_usage(payload.get("usage")), error=_error(payload))
        case "message_stop":
            return Piece(done=True)
        case "message":
            whole = _blocks(_list(payload.get("content")), 0)
            return Piece(
                whole.text,
                whole.reasoning,
                whole.reasoning_field,
                whole.calls,
                _stop_reason(payload),
                _usage(payload.get("usage")),
                done=True,
                choices=1,
            )
    return Piece()


def _blocks(blocks: list[Any], first: int) -> Piece:
    known = [(first + n, block) for n, block in enumerate(blocks) if isinstance(block, dict)]
    thought = "".join(_str(block.get("thinking")) for _, block in known)
    return Piece(
        text="".join(_str(block.get("text")) for _, block in known),
        reasoning=thought,
        reasoning_field="thinking" if thought else "",
        calls=tuple(
            # A stream opens a call with an empty input and spells the arguments afterwards.
            CallPiece(n, _str(block.get("id")), _str(block.get("name")), _arguments(block.get("input") or ""))
            for n, block in known
            if block.get("type") == "tool_use"
        ),
    )


def _stop_reason(holder: Mapping[str, Any]) -> str | None:
    reason = _str(holder.get("stop_reason"))
    return FINISH_WORDS.get(reason, reason) or None


# ---------------------------------------------------------------- /api/chat and /api/generate: JSON lines


def _json_lines(payload: Mapping[str, Any]) -> Piece:
    message, ended = _dict(payload.get("message")), bool(payload.get("done"))
    reasoning, field = _reasoning(message or payload)
    calls = [call for call in _list(message.get("tool_calls")) if isinstance(call, dict)]
    usage = {"prompt_tokens": payload.get("prompt_eval_count"), "completion_tokens": payload.get("eval_count")}
    known = {name: value for name, value in usage.items() if value is not None}
    spent = {name: value for name, value in payload.items() if name.endswith(("_duration", "eval_count"))}
    return Piece(
        text=_text(message.get("content")) or _str(payload.get("response")),
        reasoning=reasoning,
        reasoning_field=field,
        calls=tuple(_call(n, call) for n, call in enumerate(calls)),
        finish_reason=(_str(payload.get("done_reason")) or "stop") if ended else None,
        usage=known or None,
        durations=spent or None,
        error=_error(payload),
        done=ended,
        choices=1,
    )


# ---------------------------------------------------------------- what they share


def _usage(value: Any) -> dict[str, Any] | None:
    """Usage of /responses and /messages in the words of chat completions, their own words kept beside them."""
    usage = _dict(value)
    if not usage:
        return None
    found = dict(usage)
    if "output_tokens" in usage:
        found["completion_tokens"] = usage["output_tokens"]
    details = _dict(usage.get("input_tokens_details"))
    cached = usage.get("cache_read_input_tokens", details.get("cached_tokens"))
    if isinstance(usage.get("input_tokens"), int):
        # Anthropic counts what came from the cache, and what went there, apart from the input.
        apart = _int(usage.get("cache_read_input_tokens")) + _int(usage.get("cache_creation_input_tokens"))
        found["prompt_tokens"] = usage["input_tokens"] + apart
    if (spent := usage.get("output_tokens_details")) is not None:
        found["completion_tokens_details"] = spent
    if isinstance(cached, int):
        found["prompt_tokens_details"] = {"cached_tokens": cached}
    return found


def _reasoning(holder: Mapping[str, Any]) -> tuple[str, str]:
    """The reasoning and the field that it came in; a server that fills two fields says the same in both."""
    for name in REASONING_FIELDS:
        if name in holder and (text := _text(holder[name])):
            return text, name
    return "", ""


def _error(payload: Mapping[str, Any]) -> str | None:
    if payload.get("error"):
        return error_text(payload["error"])
    return error_text(dict(payload)) if payload.get("type") == "error" or payload.get("object") == "error" else None


def _detail(payload: Mapping[str, Any]) -> str | None:
    """What a web framework says of a request that it turned down: `detail`, and nothing of a reply."""
    return error_text(payload["detail"]) if payload.get("detail") and "usage" not in payload else None


def _arguments(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, dict) else ""


def _text(value: Any) -> str:
    """A text, or the texts of a list of parts."""
    if isinstance(value, list):
        return "".join(_text(part.get("text")) if isinstance(part, dict) else _str(part) for part in value)
    return _str(value)


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _int(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
