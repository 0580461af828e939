"""Do tool calls arrive: with and without arguments, long, several at once, streamed and whole, after a thought?"""

from typing import Any

from onbox.evidence.records import Exchange, PreflightCase, PreflightFinding
from onbox.preflight.remedies import Trouble
from onbox.preflight.session import PreflightSession, arguments, came_instead, short, trouble
from onbox.protocol.call_arguments import CallFault, fault_of_call
from onbox.protocol.call_forms import THOUGHTS
from onbox.protocol.leaked_calls import leaked
from onbox.protocol.reply import Reply, ToolCall
from onbox.protocol.tool_schemas import offered_tools


def _tool(name: str, description: str, *parameters: str) -> dict[str, Any]:
    properties = {each: {"type": "string"} for each in parameters}
    schema = {"type": "object", "properties": properties, "required": list(parameters)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


TOOLS = [
    _tool("list_files", "List the files of the project."),
    _tool("read_file", "Read one file.", "path"),
    _tool("write_file", "Write one file.", "path", "content"),
]
READ = "Read the file notes.txt."
LIST = "Which files are in the project? List them."
BOTH = "Read the files a.txt and b.txt, both at once."
LINES = 'def greet(name):\n    """Say "hello"."""\n    return f\'hello, "{name}"\\n\'\n'
"""Several lines, both kinds of quotes, a backslash: what breaks calls that are put together from text."""
WRITE = f"Write exactly this text into greet.py:\n\n{LINES}"
SECRET = "4711"


def single(session: PreflightSession) -> PreflightCase:
    """One call with one argument."""
    return requested_call(session, READ, TOOLS)


def requested_call(
    session: PreflightSession, task: str, tools: list[dict[str, Any]], template: str = ""
) -> PreflightCase:
    """A task that wants a call of any of the tools.

    Args:
        session: the conversation.
        task: what the user asks.
        tools: what is offered.
        template: the chat template in use, by name, for the advice; empty where it is not known.
    """
    exchange, reply = session.task(task, tools)
    session.called, session.tools_refused = reply, _refused(exchange, trouble(exchange, reply))
    name = "tool_call"
    if missing := _missing(session, name, exchange, reply, tools, template):
        return missing
    call = reply.tool_calls[0]
    if call.name not in _names(tools):
        return session.case(name, "warn", f"it called {short(call.name)!r}, which was not offered")
    if broken := broken_calls(reply, tools):
        return _broken(session, name, broken, task, tools)
    return session.case(name, "pass", f"{call.name} {short(call.arguments)}")


def streaming_agrees(session: PreflightSession) -> PreflightCase:
    """The same request without a stream: parsers for streams are other code, and lose calls of their own."""
    name, streamed = "streaming_agrees", session.called
    exchange, whole = session.task(READ, TOOLS, stream=False)
    if broken := trouble(exchange, whole):
        return session.case(name, "fail", broken, Trouble.PARSE)
    if streamed is None or streamed.error:
        return session.case(name, "unknown", "the streamed request failed")
    both = [_calls(streamed), _calls(whole)]
    if both[0] == both[1]:
        return session.case(name, "pass", f"both gave {f'{len(both[0])} call' if both[0] else 'no call'}")
    both_ways = f"streamed: {short(str(both[0]))}; whole: {short(str(both[1]))}"
    usable = [
        bool(calls) and not broken_calls(reply, TOOLS) for calls, reply in zip(both, (streamed, whole), strict=True)
    ]
    if usable[0] and usable[1]:
        # Two answers of a model may differ; of a parser they differ again.
        _, again = session.task(READ, TOOLS)
        if _calls(again) == both[1]:
            return session.case(name, "warn", f"they differed once, and agreed when sent again: {both_ways}")
    if not usable[0] and not usable[1]:
        return session.case(name, "fail", both_ways, Trouble.ARGUMENTS)
    session.broken = session.broken or not usable[0] or usable == [True, True]
    return session.case(name, "fail", both_ways, Trouble.STREAM)


def broken_calls(reply: Reply, tools: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the calls of a reply, in words; a tool that was not offered is the model's own invention."""
    offered = offered_tools({"tools": tools})
    faults = [(call, fault_of_call(call.name, call.arguments, offered)) for call in reply.tool_calls]
    return [
        f"{short(call.name)}: {fault.value}: {short(call.arguments) or 'nothing'}"
        for call, fault in faults
        if fault is not None and fault is not CallFault.UNKNOWN_TOOL
    ]


def _broken(
    session: PreflightSession, name: str, broken: list[str], task: str, tools: list[dict[str, Any]]
) -> PreflightCase:
    """The case of a call whose arguments came broken: is it so without a stream, too?"""
    session.broken = True
    finding, detail = PreflightFinding.BROKEN_ARGUMENTS, f"calls arrive, but their arguments are broken: {broken[0]}"
    exchange, whole = session.task(task, tools, stream=False)
    if trouble(exchange, whole) or not whole.tool_calls:
        return session.case(name, "fail", detail, Trouble.ARGUMENTS, finding=finding)
    if broken_calls(whole, tools):
        detail = f"{detail}; without streaming they are broken too"
        return session.case(name, "fail", detail, Trouble.ARGUMENTS, finding=finding)
    detail = f"{detail}; without streaming they are complete: the stream loses them"
    return session.case(name, "fail", detail, Trouble.STREAM, finding=finding)


def _first(reply: Reply, name: str) -> ToolCall | None:
    return next((call for call in reply.tool_calls if call.name == name), None)


def no_argument(session: PreflightSession) -> PreflightCase:
    """A call of a tool that takes nothing: some parsers lose it."""
    name = "no_argument_call"
    exchange, reply = session.task(LIST, TOOLS)
    if missing := _missing(session, name, exchange, reply, TOOLS):
        return missing
    call = reply.tool_calls[0]
    if broken := broken_calls(reply, TOOLS):
        return _broken(session, name, broken, LIST, TOOLS)
    if call.name != "list_files":
        return session.case(name, "warn", f"it called {short(call.name)} {short(call.arguments)}")
    return session.case(name, "pass", f"list_files {short(call.arguments) or 'without arguments'}")


def long_arguments(session: PreflightSession) -> PreflightCase:
    """Lines, quotes and backslashes inside an argument."""
    name = "long_arguments"
    exchange, reply = session.task(WRITE, TOOLS)
    if missing := _missing(session, name, exchange, reply, TOOLS):
        return missing
    if broken := broken_calls(reply, TOOLS):
        return _broken(session, name, broken, WRITE, TOOLS)
    content = _content(reply)
    if content.strip() == LINES.strip():
        return session.case(name, "pass", "lines, quotes and a backslash arrived as requested")
    _, whole = session.task(WRITE, TOOLS, stream=False)
    if _content(whole).strip() == LINES.strip():
        session.broken = True
        detail = f"streamed they differ from the request, without streaming they do not: {short(content)}"
        return session.case(name, "fail", detail, Trouble.STREAM)
    return session.case(name, "warn", f"they parse, but differ from the request: {short(content)}")


def _content(reply: Reply) -> str:
    call = _first(reply, "write_file")
    given = arguments(call) if call else None
    return str((given or {}).get("content", ""))


def parallel(session: PreflightSession) -> PreflightCase:
    """Two calls in one answer; gpt-oss never does that."""
    name = "parallel_calls"
    exchange, reply = session.task(BOTH, TOOLS)
    if missing := _missing(session, name, exchange, reply, TOOLS):
        return missing
    if broken := broken_calls(reply, TOOLS):
        return _broken(session, name, broken, BOTH, TOOLS)
    if len(reply.tool_calls) < 2:
        return session.case(name, "warn", "one call at a time: an agent needs more turns")
    if reply.tool_calls[0].id and len({call.id for call in reply.tool_calls}) < len(reply.tool_calls):
        session.broken = True
        return session.case(
            name, "fail", "several calls have the same id: their results cannot be told apart", Trouble.STREAM
        )
    if reply.shared_place:
        detail = "several calls have one index in the stream: clients that go by it take them for one"
        return session.case(name, "warn", detail, Trouble.STREAM)
    return session.case(name, "pass", f"{len(reply.tool_calls)} calls in one answer")


def tool_result(session: PreflightSession) -> PreflightCase:
    """A second turn, with the result of a call."""
    name = "tool_result"
    call = {"id": "call1", "type": "function", "function": {"name": "read_file", "arguments": '{"path": "notes.txt"}'}}
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "What number is written in notes.txt?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call1", "content": f"The number is {SECRET}."},
    ]
    exchange, reply = session.chat(messages, tools=TOOLS)
    if broken := trouble(exchange, reply):
        return session.case(name, "fail", broken, Trouble.PARSE)
    if SECRET in reply.content + reply.reasoning:
        return session.case(name, "pass", "the result of a call was read")
    instead = f"it called {reply.tool_calls[0].name}" if reply.tool_calls else came_instead(reply)
    return session.case(name, "warn", f"the result of a call was not used: {instead}")


def after_reasoning(session: PreflightSession) -> PreflightCase:
    """A call after a thought: some parsers take it for a part of the thought."""
    name, reply = "call_after_reasoning", session.called
    if reply is None or not reply.reasoning:
        exchange, reply = session.task(f"Think about it step by step first, then do it: {READ}", TOOLS)
        if broken := trouble(exchange, reply):
            return session.case(name, "fail", broken, Trouble.PARSE)
    if any(mark in reply.content for mark in THOUGHTS):
        detail = f"the reasoning is left in the text: {short(reply.content)}"
        return session.case(name, "fail", detail, Trouble.REASONING_IN_TEXT)
    if not reply.reasoning:
        return session.case(name, "unknown", "no reasoning was seen")
    if not reply.tool_calls and reply.finish_reason == "length":
        return session.case(name, "unknown", "it was still reasoning at its token limit")
    if not reply.tool_calls:
        where = Trouble.LEAK if leaked(reply.reasoning, _names(TOOLS)) else Trouble.NO_CALL
        return session.case(name, "fail", f"it reasoned, and no call came: {short(reply.reasoning)}", where)
    return session.case(name, "pass", "reasoning, and then a call")


def _missing(
    session: PreflightSession,
    name: str,
    exchange: Exchange,
    reply: Reply,
    tools: list[dict[str, Any]],
    template: str = "",
) -> PreflightCase | None:
    """The case of an answer without a call; None when there is one."""
    if broken := trouble(exchange, reply):
        refused = (exchange.status is not None and 400 <= exchange.status < 500) or "jinja" in broken
        return session.case(name, "fail", broken, Trouble.NO_TOOLS if refused else Trouble.PARSE)
    if reply.tool_calls:
        return None
    if reply.finish_reason == "length" and not reply.content:
        return session.case(name, "unknown", "it was still reasoning at its token limit")
    known = f"the chat template in use ({template}) may" if template else "the chat template may"
    detail = (
        f"no tool call came back, but {came_instead(reply)}; {known} not ask for a form of call that this server parses"
    )
    written = any(leaked(text, _names(tools)) for text in (reply.content, reply.reasoning))
    return session.case(name, "fail", detail, Trouble.LEAK if written else Trouble.NO_CALL)


def _refused(exchange: Exchange, broken: str) -> bool:
    """Whether a request was turned down for the tools in it; some servers say so with status 500."""
    return exchange.status is not None and (400 <= exchange.status < 500 or "--jinja" in broken)


def _calls(reply: Reply) -> list[tuple[str, Any]]:
    return [
        (call.name, arguments(call) if arguments(call) is not None else call.arguments) for call in reply.tool_calls
    ]


def _names(tools: list[dict[str, Any]]) -> set[str]:
    return {tool["function"]["name"] for tool in tools}
