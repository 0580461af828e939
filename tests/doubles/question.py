"""What a request asks, whichever of the three APIs it speaks."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SHELLS = ("bash", "shell", "exec_command", "run_shell_command", "Bash", "local_shell")
"""What agents call the tool that runs a command."""


@dataclass(frozen=True)
class Question:
    """A request in one form.

    Args:
        text: all that users said.
        results: how many tool results it holds.
        tools: JSON schema of the arguments by the tool's name; `space.name` of one in a namespace.
        tokens: output tokens that it allows.
        everything: the whole request.
    """

    text: str
    results: int
    tools: Mapping[str, Mapping[str, Any]]
    tokens: int
    everything: str

    @property
    def shell(self) -> str:
        """The tool that runs a command; an empty string when none is offered."""
        return next((name for name in SHELLS if name in self.tools), "")


def read(body: Mapping[str, Any]) -> Question:
    """Read the body of a request to /chat/completions, /completions, /responses or /messages."""
    message = body.get("messages") or body.get("input") or body.get("prompt") or ""
    items = [{"role": "user", "content": message}] if isinstance(message, str) else message
    results = sum(item.get("role") == "tool" or item.get("type") == "function_call_output" for item in items)
    texts = []
    for item in items:
        parts = item.get("content") or ""
        parts = [{"type": "text", "text": parts}] if isinstance(parts, str) else parts
        results += sum(part.get("type") == "tool_result" for part in parts)
        if item.get("role") == "user":
            texts += [str(part["text"]) for part in parts if "text" in part]
    limits = (body.get(name) for name in ("max_tokens", "max_output_tokens", "max_completion_tokens"))
    tokens = next((limit for limit in limits if limit), 16)
    return Question("\n".join(texts), results, dict(_tools(body.get("tools") or [])), tokens, json.dumps(body))


def _tools(tools: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for tool in tools:
        if tool.get("type") == "namespace":
            # As Codex offers what servers of tools have.
            yield from ((f"{tool['name']}.{name}", schema) for name, schema in _tools(tool["tools"]))
            continue
        function = tool.get("function", tool)
        schema = function.get("parameters") or function.get("input_schema")
        if schema and "name" in function:
            yield function["name"], schema
