"""The JSON around the pieces of an answer, in the words of each API: streamed, or as one document."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.script import Answer


@dataclass(frozen=True)
class Counts:
    """Tokens of one exchange."""

    prompt: int
    completion: int


@dataclass
class Chat:
    """`/chat/completions`, with llama.cpp's timings."""

    model: str
    answer: Answer
    usage_requested: bool = True
    """Whether the request asked for usage in the stream."""
    identity: str = field(default_factory=lambda: f"call-{time.monotonic_ns()}")

    def start(self) -> Iterator[bytes]:
        """Events before the first piece."""
        if self.answer.reasoning:
            yield event(self._frame({"delta": {"role": "assistant", "reasoning_content": self.answer.reasoning}}))

    def delta(self, piece: str, *, first: bool) -> Iterator[bytes]:
        """Events of one piece."""
        role = {"role": "assistant"} if first else {}
        shown = {"tool_calls": self._call(piece, named=first)} if self.answer.call else {"content": piece}
        yield event(self._frame({"delta": role | shown}))

    def end(self, counts: Counts, timings: dict[str, Any]) -> Iterator[bytes]:
        """Events after the last piece."""
        shown = {"delta": {"content": None} if self.answer.content is None else {}}
        yield event(self._frame({**shown, "finish_reason": self.answer.finish_reason()}, timings=timings))
        if self.usage_requested:
            yield event(self._frame({}) | {"choices": [], "usage": _usage(counts), "timings": timings})
        yield b"data: [DONE]\n\n"

    def whole(self, counts: Counts, timings: dict[str, Any]) -> dict[str, Any]:
        """The answer as one document."""
        message: dict[str, Any] = {"role": "assistant", "content": None if self.answer.call else self.answer.content}
        if self.answer.call:
            message["tool_calls"] = self._call(self.answer.text(), named=True)
        if self.answer.reasoning:
            message["reasoning_content"] = self.answer.reasoning
        choice = {"message": message, "finish_reason": self.answer.finish_reason()}
        return self._frame(choice) | {"usage": _usage(counts), "timings": timings}

    def error(self, status: int, message: str) -> dict[str, Any]:
        """The body of an error."""
        return {"error": {"code": status, "message": message, "type": "server_error"}}

    def _frame(self, choice: dict[str, Any], **more: Any) -> dict[str, Any]:
        kind = "chat.completion.chunk" if "delta" in choice else "chat.completion"
        choices = [{"index": 0, "finish_reason": None, **choice}]
        return {"id": "cmpl-1", "object": kind, "created": int(time.time()), "model": self.model,
                "choices": choices, **more}  # fmt: skip

    def _call(self, arguments: str, *, named: bool) -> list[dict[str, Any]]:
        assert self.answer.call is not None
        function = {"name": self.answer.call[0], "arguments": arguments} if named else {"arguments": arguments}
        identity = {"id": self.identity, "type": "function"} if named else {}
        return [{"index": 0, **identity, "function": function}]


class Text(Chat):
    """`/completions`."""

    def delta(self, piece: str, *, first: bool) -> Iterator[bytes]:
        """See `Chat.delta`."""
        yield event(self._text(piece, None))

    def end(self, counts: Counts, timings: dict[str, Any]) -> Iterator[bytes]:
        """See `Chat.end`."""
        yield event(self._text("", self.answer.finish_reason()) | {"timings": timings})
        if self.usage_requested:
            yield event(self._text("", None) | {"choices": [], "usage": _usage(counts), "timings": timings})
        yield b"data: [DONE]\n\n"

    def whole(self, counts: Counts, timings: dict[str, Any]) -> dict[str, Any]:
        """See `Chat.whole`."""
        message = self._text(self.answer.text(), self.answer.finish_reason())
        return message | {"usage": _usage(counts), "timings": timings}

    def _text(self, text: str, finish: str | None) -> dict[str, Any]:
        return self._frame({"text": text, "finish_reason": finish}) | {"object": "text_completion"}


@dataclass
class Responses:
    """OpenAI's `/responses`."""

    model: str
    answer: Answer
    identity: str = field(default_factory=lambda: f"call_{time.monotonic_ns()}")

    def start(self) -> Iterator[bytes]:
        """See `Chat.start`."""
        yield self._event("response.created", response=self._response("in_progress", []))
        items = self._items(whole=False)
        for index, item in enumerate(items):
            yield self._event("response.output_item.added", output_index=index, item=item)
            if item["type"] == "reasoning":
                place = {"output_index": index, "item_id": item["id"], "content_index": 0}
                yield self._event("response.reasoning_text.delta", delta=self.answer.reasoning, **place)
                yield self._event("response.output_item.done", output_index=index, item=self._items()[index])

    def delta(self, piece: str, *, first: bool) -> Iterator[bytes]:
        """See `Chat.delta`."""
        index = len(self._items()) - 1
        place = {"output_index": index, "item_id": self._items()[index]["id"]}
        if self.answer.call:
            yield self._event("response.function_call_arguments.delta", delta=piece, **place)
        else:
            yield self._event("response.output_text.delta", delta=piece, content_index=0, **place)

    def end(self, counts: Counts, timings: dict[str, Any]) -> Iterator[bytes]:
        """See `Chat.end`."""
        items = self._items()
        if items and items[-1]["type"] != "reasoning":
            yield self._event("response.output_item.done", output_index=len(items) - 1, item=items[-1])
        cut = self.answer.finish == "length"
        kind = "response.incomplete" if cut else "response.completed"
        yield self._event(kind, response=self.whole(counts, timings))

    def whole(self, counts: Counts, timings: dict[str, Any]) -> dict[str, Any]:
        """See `Chat.whole`."""
        cut = self.answer.finish == "length"
        usage = {
            "input_tokens": counts.prompt,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": counts.completion,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": counts.prompt + counts.completion,
        }
        why = {"incomplete_details": {"reason": "max_output_tokens"}} if cut else {}
        return self._response("incomplete" if cut else "completed", self._items()) | {"usage": usage} | why

    def error(self, status: int, message: str) -> dict[str, Any]:
        """See `Chat.error`."""
        return {"error": {"code": str(status), "message": message, "type": "server_error"}}

    def _items(self, *, whole: bool = True) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        if self.answer.reasoning:
            content = [{"type": "reasoning_text", "text": self.answer.reasoning}] if whole else []
            items.append({"type": "reasoning", "id": "rs_1", "summary": [], "content": content})
        status = {"status": "completed" if whole else "in_progress"}
        if self.answer.call:
            space, _, name = self.answer.call[0].rpartition(".")
            named = {"call_id": self.identity, "name": name, "arguments": self.answer.text() * whole}
            inside = {"namespace": space} if space else {}
            items.append({"type": "function_call", "id": "fc_1", **named, **inside, **status})
        elif self.answer.content:
            message: dict[str, Any] = {"type": "output_text", "text": self.answer.content, "annotations": []}
            content = [message] if whole else []
            items.append({"type": "message", "id": "msg_1", "role": "assistant", "content": content, **status})
        return items

    def _response(self, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": "resp_1", "object": "response", "created_at": int(time.time()), "model": self.model,
                "status": status, "output": output, "error": None}  # fmt: skip

    def _event(self, kind: str, **fields: Any) -> bytes:
        return event({"type": kind, **fields}, kind)


@dataclass
class Messages:
    """Anthropic's `/messages`."""

    model: str
    answer: Answer
    identity: str = field(default_factory=lambda: f"toolu_{time.monotonic_ns()}")

    def start(self) -> Iterator[bytes]:
        """See `Chat.start`."""
        usage = {"input_tokens": 1, "output_tokens": 0}
        message: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "content": [],
                   "model": self.model, "stop_reason": None, "stop_sequence": None, "usage": usage}  # fmt: skip
        yield self._event("message_start", message=message)
        if self.answer.reasoning:
            thought = {"type": "thinking_delta", "thinking": self.answer.reasoning}
            block = {"type": "thinking", "thinking": "", "signature": ""}
            yield self._event("content_block_start", index=0, content_block=block)
            yield self._event("content_block_delta", index=0, delta=thought)
            yield self._event("content_block_stop", index=0)

    def delta(self, piece: str, *, first: bool) -> Iterator[bytes]:
        """See `Chat.delta`."""
        index = int(bool(self.answer.reasoning))
        if first:
            block: dict[str, Any] = {"type": "text", "text": ""}
            if self.answer.call:
                block = {"type": "tool_use", "id": self.identity, "name": self.answer.call[0], "input": {}}
            yield self._event("content_block_start", index=index, content_block=block)
        part = {"type": "input_json_delta", "partial_json": piece} if self.answer.call else None
        yield self._event("content_block_delta", index=index, delta=part or {"type": "text_delta", "text": piece})

    def end(self, counts: Counts, timings: dict[str, Any]) -> Iterator[bytes]:
        """See `Chat.end`."""
        if self.answer.text():
            yield self._event("content_block_stop", index=int(bool(self.answer.reasoning)))
        usage = {"input_tokens": counts.prompt, "output_tokens": counts.completion}
        end = {"stop_reason": self._stop(), "stop_sequence": None}
        yield self._event("message_delta", delta=end, usage=usage)
        yield self._event("message_stop")

    def whole(self, counts: Counts, timings: dict[str, Any]) -> dict[str, Any]:
        """See `Chat.whole`."""
        content: list[dict[str, Any]] = []
        if self.answer.reasoning:
            content.append({"type": "thinking", "thinking": self.answer.reasoning, "signature": ""})
        if self.answer.call:
            named = {"id": self.identity, "name": self.answer.call[0], "input": json.loads(self.answer.text())}
            content.append({"type": "tool_use", **named})
        elif self.answer.content:
            content.append({"type": "text", "text": self.answer.content})
        usage = {"input_tokens": counts.prompt, "output_tokens": counts.completion}
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": self.model, "content": content,
                "stop_reason": self._stop(), "stop_sequence": None, "usage": usage}  # fmt: skip

    def error(self, status: int, message: str) -> dict[str, Any]:
        """See `Chat.error`."""
        return {"type": "error", "error": {"type": "api_error", "message": message}}

    def _stop(self) -> str:
        words = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
        return words[self.answer.finish_reason()]

    def _event(self, kind: str, **fields: Any) -> bytes:
        return event({"type": kind, **fields}, kind)


Frames = Chat | Responses | Messages


def frames_of(path: str, model: str, answer: Answer, body: dict[str, Any]) -> Frames | None:
    """The frames of the API at a path; None when there is none."""
    match path.partition("?")[0]:
        case "/v1/chat/completions":
            return Chat(model, answer, usage_requested=bool(body.get("stream_options")))
        case "/v1/completions":
            return Text(model, answer, usage_requested=bool(body.get("stream_options")))
        case "/v1/responses":
            return Responses(model, answer)
        case "/v1/messages":
            return Messages(model, answer)
    return None


def event(frame: dict[str, Any], name: str = "") -> bytes:
    """One server-sent event."""
    return (f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(frame).encode() + b"\n\n"


def _usage(counts: Counts) -> dict[str, Any]:
    return {
        "prompt_tokens": counts.prompt,
        "completion_tokens": counts.completion,
        "total_tokens": counts.prompt + counts.completion,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
