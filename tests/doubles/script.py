"""What the scripted engine says: a right answer to the small tasks, and one function for each way to go wrong."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)></pre></div>{{ 7 * 7 }}[bold]markup[/bold]"
    "\x1b[31mred\x1b[0m\x1b]0;title\x07 & \"quotes\" 'and' `ticks` | pipe \ud800 \u202e"
)
"""HTML, template and terminal markup, half a surrogate pair, and a turn of the writing direction."""

WORDS_PY = '''"""Helpers for plain text."""


def count_words(text):
    """Return the number of words in a text."""
    return len(text.split())
'''


@dataclass(frozen=True)
class Answer:
    """What one request gets.

    Args:
        content: text; None is sent as null.
        call: name and arguments of a tool call.
        finish: the finish reason; by default what the answer is.
        tokens: what usage claims; None counts the pieces that are sent.
        failure: body of an answer with status 500, in the place of all else.
    """

    content: str | None = ""
    call: tuple[str, dict[str, str]] | None = None
    finish: str = ""
    tokens: int | None = None
    failure: str = ""

    def pieces(self) -> list[str]:
        """The text of the answer or of its call's arguments, a word at a time: a token each."""
        return split(json.dumps(self.call[1]) if self.call else self.content or "")

    def finish_reason(self) -> str:
        """As OpenAI's servers say it."""
        return self.finish or ("tool_calls" if self.call else "stop")


def split(text: str) -> list[str]:
    """A text in pieces that join to it again."""
    return re.findall(r"\s*\S+|\s+$", text)


def answer(mode: str, body: dict[str, Any]) -> Answer:
    """The answer of a mode to the body of a request to /v1/chat/completions."""
    messages = body.get("messages") or [{"content": body.get("prompt", "")}]
    asked = str(next((m["content"] for m in reversed(messages) if m.get("role", "user") == "user"), ""))
    if "capital of France" in asked:
        return Answer("Paris")
    if not body.get("tools"):
        return Answer("".join(f" word{number}" for number in range(int(body.get("max_tokens", 16)))), finish="length")
    plan = _plan(asked)
    done = sum(message.get("role") == "tool" for message in messages)
    step = plan[done] if done < len(plan) else None
    return MODES[mode](step)


def _plan(asked: str) -> list[tuple[str, dict[str, str]]]:
    """The calls that do what is asked, in order."""
    if "`area`" in asked:
        return [("edit", {"path": "shapes.py", "old": "return width + height", "new": "return width * height"})]
    if "`config.json`" in asked:
        values = {"name": "demo", "host": "127.0.0.1", "port": 8080, "debug": False}
        return [("write", {"path": "config.json", "content": json.dumps(values, indent=2) + "\n"})]
    if "`count_words(text)`" in asked:
        return [("write", {"path": "words.py", "content": WORDS_PY})]
    if match := re.search(r"rename the function `(\w+)` to `(\w+)`", asked):
        files = re.findall(r"`(\w+/\w+\.py)`", asked)
        return [("edit", {"path": file, "old": match[1], "new": match[2]}) for file in files]
    return [("bash", {"command": "ls"})]


Step = tuple[str, dict[str, str]] | None


def _good(step: Step) -> Answer:
    return Answer(call=step) if step else Answer("It is done.")


def _lazy(step: Step) -> Answer:
    return Answer("I have successfully updated the files as you asked.")


def _leak(step: Step) -> Answer:
    name, arguments = step or ("bash", {"command": "ls"})
    return Answer(json.dumps({"name": name, "arguments": arguments}))


def _harmony(step: Step) -> Answer:
    name, arguments = step or ("bash", {"command": "ls"})
    return Answer(
        f"<|channel|>commentary to=functions.{name} <|constrain|>json<|message|>{json.dumps(arguments)}<|call|>"
    )


def _null(step: Step) -> Answer:
    return Answer(None, tokens=42)


def _finish(step: Step) -> Answer:
    return Answer("", finish="tool_calls", tokens=9)


def _error500(step: Step) -> Answer:
    return Answer(failure="Failed to parse input at pos 12: <tool_call>{bad")


def _html(step: Step) -> Answer:
    return Answer(HOSTILE)


MODES: dict[str, Callable[[Step], Answer]] = {
    "good": _good,
    "slow": _good,
    "die": _good,
    "lazy": _lazy,
    "leak": _leak,
    "harmony": _harmony,
    "null": _null,
    "finish": _finish,
    "error500": _error500,
    "html": _html,
}
