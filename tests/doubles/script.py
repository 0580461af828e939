"""What the scripted engine says: a right answer to the small tasks, and one function for each way to go wrong."""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.doubles.question import Question, read

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
        call: name and arguments of a tool call; arguments that are a string are sent as they are.
        reasoning: what the model thinks before.
        finish: the finish reason; by default what the answer is.
        tokens: what usage claims; None counts the pieces that are sent.
        failure: an error in the place of all else.
        status: of the error.
    """

    content: str | None = ""
    call: tuple[str, Mapping[str, Any] | str] | None = None
    reasoning: str = ""
    finish: str = ""
    tokens: int | None = None
    failure: str = ""
    status: int = 500

    def text(self) -> str:
        """The words of the answer, or the arguments of its call."""
        if self.call is None:
            return self.content or ""
        return self.call[1] if isinstance(self.call[1], str) else json.dumps(self.call[1])

    def pieces(self) -> list[str]:
        """The text a word at a time: a token each."""
        return split(self.text())

    def finish_reason(self) -> str:
        """As OpenAI's servers say it."""
        return self.finish or ("tool_calls" if self.call else "stop")


def split(text: str) -> list[str]:
    """A text in pieces that join to it again."""
    return re.findall(r"\s*\S+|\s+$", text)


Step = tuple[str, dict[str, str]]
"""A tool of the built-in agent, and its arguments."""
LIST: Step = ("bash", {"command": "ls"})


@dataclass(frozen=True)
class Turn:
    """Where a conversation stands.

    Args:
        question: the request.
        step: the call that a good model would make now; None when all is done.
    """

    question: Question
    step: Step | None

    @property
    def call(self) -> tuple[str, Mapping[str, Any]]:
        """`step`, or a look around, as a call of a tool that is offered."""
        return offered(self.step or LIST, self.question)


def answer(mode: str, body: dict[str, Any]) -> Answer:
    """The answer of a mode to the body of a request, whichever API it speaks."""
    request = read(body)
    if "capital of France" in request.text:
        return Answer("Paris")
    if not request.tools:
        # A request of an agent for a title is streamed and allows many tokens; a measurement counts its own.
        words = request.tokens if request.tokens <= TITLE_ABOVE else 3
        return Answer("".join(f" word{number}" for number in range(words)), finish="length")
    plan = _plan(request.text)
    if mode in MORE:
        plan = [*plan, MORE[mode]]
    step = plan[request.results] if request.results < len(plan) else None
    return MODES[mode](Turn(request, step))


TITLE_ABOVE = 512


def _plan(text: str) -> list[Step]:
    """The calls that do what is asked, in order."""
    if "`area`" in text:
        return [("edit", {"path": "shapes.py", "old": "return width + height", "new": "return width * height"})]
    if "`config.json`" in text:
        values = {"name": "demo", "host": "127.0.0.1", "port": 8080, "debug": False}
        return [("write", {"path": "config.json", "content": json.dumps(values, indent=2) + "\n"})]
    if "`count_words(text)`" in text:
        return [("write", {"path": "words.py", "content": WORDS_PY})]
    if match := re.search(r"rename the function `(\w+)` to `(\w+)`", text):
        files = re.findall(r"`(\w+/\w+\.py)`", text)
        return [("edit", {"path": file, "old": match[1], "new": match[2]}) for file in files]
    return [LIST]


MORE: dict[str, Step] = {"frame": ("write", {"path": "test_shapes.py", "content": "# no test\n"})}
"""What a mode does after all that was asked."""

_WINDOW = "This model's maximum context length is 4096 tokens"
_EDIT = "import sys; p, a, b = sys.argv[1:]; t = open(p).read(); open(p, 'w').write(t.replace(a, b))"
_WRITE = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"


def offered(step: Step, question: Question) -> tuple[str, Mapping[str, Any]]:
    """A call as it is, if its tool is offered with these arguments; else the same as a shell command."""
    name, arguments = step
    properties = question.tools.get(name, {}).get("properties", {})
    if set(arguments) <= set(properties) or not question.shell:
        return step
    match name:
        case "edit":
            command = shlex.join(["python3", "-c", _EDIT, arguments["path"], arguments["old"], arguments["new"]])
        case "write":
            command = shlex.join(["python3", "-c", _WRITE, arguments["path"], arguments["content"]])
        case _:
            command = arguments["command"]
    schema = question.tools[question.shell]
    given: dict[str, Any] = {}
    for key in schema.get("required") or list(schema["properties"])[:1]:
        kind = schema["properties"][key].get("type")
        if key in ("command", "cmd"):
            given[key] = ["bash", "-c", command] if kind == "array" else command
        else:
            given[key] = {"string": "it is needed", "boolean": False}.get(kind, 10_000)
    return question.shell, given


Mode = Callable[[Turn], Answer]


def _good(turn: Turn) -> Answer:
    return Answer(call=turn.call) if turn.step else Answer("It is done.")


def _says(text: str, turn: Turn) -> Answer:
    return Answer(text)


def _nudged(turn: Turn) -> Answer:
    return _good(turn) if "USE YOUR TOOLS" in turn.question.everything else Answer("It is done.")


MCP_TOOL = re.compile(r"\bmcp__files__write_file\b|\bfiles_write_file\b")
"""How agents call the tool `write_file` of a server of tools that an arm names `files`, where no namespace holds it."""


def _mcp(turn: Turn) -> Answer:
    """Writes by the tool of a server of tools and by no other; without one it gives up.

    A tool that is told of and not offered yet is looked for first, as Qwen Code wants it.
    """
    tools = turn.question.tools
    content = {"path": "config.json", "content": _plan("`config.json`")[0][1]["content"]}
    found = next((name for name in tools if MCP_TOOL.fullmatch(name.replace(".", "__"))), "")
    result = MCP_TOOL.search(turn.question.everything)
    if found and turn.question.results <= ("tool_search" in tools):
        return Answer(call=(found, content))
    if not found and result and "tool_search" in tools:
        return Answer(call=("tool_search", {"query": f"select:{result[0]}"}))
    return Answer("It is done." if found else "I have no tool for that.")


def _leak(turn: Turn) -> Answer:
    name, arguments = turn.call
    return Answer(json.dumps({"name": name, "arguments": arguments}))


def _harmony(turn: Turn) -> Answer:
    name, arguments = turn.call
    return Answer(
        f"<|channel|>commentary to=functions.{name} <|constrain|>json<|message|>{json.dumps(arguments)}<|call|>"
    )


def _xml(turn: Turn) -> Answer:
    name, arguments = turn.call
    given = "".join(f"<parameter={key}>{value}</parameter>" for key, value in arguments.items())
    return Answer(f"<tool_call><function={name}>{given}</function></tool_call>")


def _wrong(turn: Turn) -> Answer:
    return _good(turn) if turn.step is None else Answer(call=offered(LIST, turn.question))


def _loop(turn: Turn) -> Answer:
    return Answer(call=offered(LIST, turn.question))


def _turns(turn: Turn) -> Answer:
    return Answer(call=offered(("bash", {"command": f"echo {turn.question.results}"}), turn.question))


def _once(call: tuple[str, Mapping[str, Any] | str], turn: Turn) -> Answer:
    return Answer("It is done.") if turn.question.results else Answer(call=call)


def _malformed(turn: Turn) -> Answer:
    return _once((turn.call[0], '{"command": "ls'), turn)


def _refuses_itself(turn: Turn) -> Answer:
    """Takes no conversation that holds a call of its own."""
    if turn.question.results:
        return Answer(failure="messages: roles must alternate user and assistant", status=400)
    return Answer(call=offered(LIST, turn.question))


def _fails(status: int, message: str, turn: Turn) -> Answer:
    return Answer(failure=message, status=status)


MODES: dict[str, Mode] = {
    "good": _good,
    "slow": _good,
    "die": _good,
    "stall": _good,
    "frame": _good,
    "wrong": _wrong,
    "lazy": partial(_says, "I have successfully updated the files as you asked."),
    "plan": partial(_says, "First, I will open the file and look at it."),
    "ask": partial(_says, "Which of the files do you mean?"),
    "code": partial(_says, "Here it is:\n```python\nreturn width * height\n```"),
    "refuse": partial(_says, "I'm sorry, but I can't help with that."),
    "words": partial(_says, "A file holds bytes."),
    "html": partial(_says, HOSTILE),
    "stripped": partial(_says, "analysisWe need to edit the file.assistantfinalDone."),
    "told": _nudged,
    "mcp": _mcp,
    "leak": _leak,
    "harmony": _harmony,
    "xml": _xml,
    "reason": lambda turn: Answer("", reasoning="The bug is clear. I will call the edit tool now.", tokens=12),
    "null": lambda turn: Answer(None, tokens=42),
    "finish": lambda turn: Answer("", finish="tool_calls", tokens=9),
    "long": lambda turn: Answer(
        "Let me think about it, and about it again", finish="length", tokens=turn.question.tokens
    ),
    "loop": _loop,
    "turns": _turns,
    "badargs": partial(_once, ("open_editor", {"file": "shapes.py"})),
    "malformed": _malformed,
    "history": _refuses_itself,
    "error500": partial(_fails, 500, "Failed to parse input at pos 12: <tool_call>{bad"),
    "error503": partial(_fails, 503, "the slot is broken"),
    "error400": partial(_fails, 400, "unknown field"),
    "error401": partial(_fails, 401, "no key"),
    "error404": partial(_fails, 404, "no such model"),
    "error429": partial(_fails, 429, "too many requests"),
    "context": partial(_fails, 400, f"{_WINDOW}, and your request has 5000 input tokens"),
    "setting": partial(_fails, 400, f"{_WINDOW}, and you asked for more than is left (1000 in the messages)"),
}


def mode_of(model: Any, default: str) -> str:
    """The mode that a model's name asks for (`scripted-lazy`), so that one server plays every part."""
    name = str(model).removeprefix("scripted-")
    return name if name in MODES else default
