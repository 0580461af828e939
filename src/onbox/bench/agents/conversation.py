"""The conversation of the built-in agent, in the words of either API that it speaks.

Reasoning goes back to the model under the name that it came by: models that think between calls lose the thread
without it.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from onbox.bench.tools import DEFINITIONS
from onbox.protocol.reply import Reply


class Conversation(Protocol):
    """A conversation that grows."""

    path: str
    """Of the API, below `/v1`."""

    def say(self, role: str, text: str) -> None:
        """Add words of the system or the user."""
        ...

    def answer(self, reply: Reply) -> None:
        """Add what the model said."""
        ...

    def result(self, call_id: str, text: str) -> None:
        """Add what a tool returned."""
        ...

    def body(self, tokens: int) -> dict[str, Any]:
        """The next request, without model, sampling and seed.

        Args:
            tokens: output tokens that the reply may have.
        """
        ...


class Chat:
    """`/chat/completions`."""

    path = "/chat/completions"

    def __init__(self) -> None:
        self._messages: list[dict[str, Any]] = []

    def say(self, role: str, text: str) -> None:
        """See `Conversation.say`."""
        self._messages.append({"role": role, "content": text})

    def answer(self, reply: Reply) -> None:
        """See `Conversation.answer`."""
        message: dict[str, Any] = {"role": "assistant", "content": reply.content}
        if reply.reasoning:
            message[reply.reasoning_field] = reply.reasoning
        if reply.tool_calls:
            message["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in reply.tool_calls
            ]
        self._messages.append(message)

    def result(self, call_id: str, text: str) -> None:
        """See `Conversation.result`."""
        self._messages.append({"role": "tool", "content": text, "tool_call_id": call_id})

    def body(self, tokens: int) -> dict[str, Any]:
        """See `Conversation.body`."""
        return {
            "messages": self._messages,
            "tools": list(DEFINITIONS),
            "max_tokens": tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }


class Responses:
    """`/responses`, nothing stored on the server: every request holds the whole conversation."""

    path = "/responses"

    def __init__(self) -> None:
        self._items: list[dict[str, Any]] = []
        self._count = 0

    def say(self, role: str, text: str) -> None:
        """See `Conversation.say`."""
        self._items.append({"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]})

    def answer(self, reply: Reply) -> None:
        """See `Conversation.answer`."""
        self._count += 1
        if reply.reasoning:
            thought = {"type": "reasoning_text", "text": reply.reasoning}
            self._items.append({"type": "reasoning", "id": f"rs_{self._count}", "summary": [], "content": [thought]})
        if reply.content:
            text = {"type": "output_text", "text": reply.content, "annotations": []}
            whole = {"id": f"msg_{self._count}", "status": "completed", "content": [text]}
            self._items.append({"type": "message", "role": "assistant", **whole})
        for call in reply.tool_calls:
            named = {"call_id": call.id, "name": call.name, "arguments": call.arguments}
            self._items.append({"type": "function_call", **named})

    def result(self, call_id: str, text: str) -> None:
        """See `Conversation.result`."""
        self._items.append({"type": "function_call_output", "call_id": call_id, "output": text})

    def body(self, tokens: int) -> dict[str, Any]:
        """See `Conversation.body`."""
        return {
            "input": self._items,
            "tools": _flat(DEFINITIONS),
            "max_output_tokens": tokens,
            "stream": True,
            "store": False,
        }


def _flat(definitions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Function definitions as /responses has them: not nested."""
    return [{"type": "function", **definition["function"]} for definition in definitions]
