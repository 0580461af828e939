"""The messages of each API: how a stream is opened, how it carries a few tokens, and how it is closed."""

import json
from typing import Any

from onbox.engines import all_facts
from onbox.engines.emulation import PROMPT_TOKENS, ApiEmulator, EmulatedApi, Message, StreamEnd, TokenChunk
from onbox.selftest.shapes import Shape


class ChatEmulator:
    """/v1/chat/completions, and /v1/completions with the text in place of the delta."""

    content_type = "text/event-stream"

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._raw = shape.api == "completions"

    def open(self) -> list[Message]:
        return [] if self._raw else [self._chunk({"role": "assistant", "content": ""})]

    def write(self, chunk: TokenChunk) -> list[Message]:
        kind, _, number = chunk.part.partition(" ")
        if kind == "call":
            call: dict[str, Any] = {"index": int(number), "function": {"arguments": chunk.text}}
            if chunk.first:
                call |= {"id": f"call_{number}", "type": "function"}
                call["function"]["name"] = "write"
            delta: dict[str, Any] = {"tool_calls": [call]}
        else:
            delta = {chunk.part: chunk.text}
        extra: dict[str, Any] = {"token_ids": list(chunk.ids)} if self._shape.token_ids else {}
        messages = [self._chunk(delta, index=n, **extra) for n in range(self._shape.answers)]
        if self._shape.usage == "every":
            messages[-1]["usage"] = _usage(chunk.counted)
        return list(messages)

    def close(self, end: StreamEnd) -> list[Message]:
        if not self._shape.finish:
            return []
        messages = [self._chunk({}, finish=self._shape.finish, index=n) for n in range(self._shape.answers)]
        if self._shape.usage in ("choice", "twice"):
            messages[-1]["usage"] = _usage(end.tokens)
        return list(messages)

    def usage(self, end: StreamEnd) -> list[Message]:
        if self._shape.usage in ("none", "choice"):
            return []
        count = {"one": 1, "summed": end.tokens * (end.tokens + 1) // 2}.get(self._shape.usage, end.tokens)
        message: dict[str, Any] = {"object": "chat.completion.chunk", "choices": [], "usage": _usage(count)}
        if self._shape.account == "timings":
            message["timings"] = {"predicted_n": end.tokens, "predicted_ms": end.decode_s * 1e3, "cache_n": 0}
        if self._shape.account == "metrics":
            message["metrics"] = {"generation_time_ms": end.decode_s * 1e3}
        return [message]

    def done(self) -> list[Message]:
        return ["[DONE]"]

    def _chunk(self, delta: dict[str, Any], finish: str | None = None, index: int = 0, **extra: Any) -> dict[str, Any]:
        body = {"text": delta.get("content", "")} if self._raw else {"delta": delta}
        choice = {"index": index, **body, "finish_reason": finish, **extra}
        return {"id": "x", "object": "chat.completion.chunk", "choices": [choice]}


class ResponsesEmulator:
    """/v1/responses."""

    content_type = "text/event-stream"

    def open(self) -> list[Message]:
        return [{"type": "response.created", "response": {"object": "response", "status": "in_progress"}}]

    def write(self, chunk: TokenChunk) -> list[Message]:
        return [{"type": "response.output_text.delta", "output_index": 0, "delta": chunk.text}]

    def close(self, end: StreamEnd) -> list[Message]:
        return []

    def usage(self, end: StreamEnd) -> list[Message]:
        usage = {
            "input_tokens": PROMPT_TOKENS,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": end.tokens,
        }
        response = {
            "status": "incomplete",
            "incomplete_details": {"reason": "max_output_tokens"},
            "output": [],
            "usage": usage,
        }
        return [{"type": "response.incomplete", "response": response}]

    def done(self) -> list[Message]:
        return []


class MessagesEmulator:
    """Anthropic's /v1/messages."""

    content_type = "text/event-stream"

    def open(self) -> list[Message]:
        usage = {"input_tokens": PROMPT_TOKENS, "cache_read_input_tokens": 0, "output_tokens": 1}
        block = {"type": "text", "text": ""}
        return [
            {"type": "message_start", "message": {"role": "assistant", "content": [], "usage": usage}},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "ping"},
        ]

    def write(self, chunk: TokenChunk) -> list[Message]:
        return [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": chunk.text}}]

    def close(self, end: StreamEnd) -> list[Message]:
        return [{"type": "content_block_stop", "index": 0}]

    def usage(self, end: StreamEnd) -> list[Message]:
        usage = {"output_tokens": end.tokens}
        return [{"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": usage}]

    def done(self) -> list[Message]:
        return [{"type": "message_stop"}]


def engines_own() -> dict[str, EmulatedApi]:
    """The APIs that engines have of their own, by name."""
    return {name: api for facts in all_facts() for name, api in facts.emulated.items()}


def emulator_of(shape: Shape) -> ApiEmulator:
    """The emulator of the shape's API."""
    others: dict[str, type[ApiEmulator]] = {
        "responses": ResponsesEmulator,
        "messages": MessagesEmulator,
        **{name: api.emulator for name, api in engines_own().items()},
    }
    return others[shape.api]() if shape.api in others else ChatEmulator(shape)


def document(text: str, tokens: int, finish: str) -> bytes:
    """The whole answer of /v1/chat/completions, for a request that asked for no stream."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return json.dumps({"object": "chat.completion", "choices": [choice], "usage": _usage(tokens)}).encode()


def _usage(tokens: int) -> dict[str, Any]:
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": tokens,
        "total_tokens": PROMPT_TOKENS + tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
