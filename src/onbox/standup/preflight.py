"""A few questions to a server before hours are spent on it: does it make sense, and do its tool calls arrive?"""

import json
from typing import Any

from onbox.evidence.records import Exchange, Preflight, PreflightCase
from onbox.evidence.stream import Reply, read_reply
from onbox.wire.client import StampedClient

QUESTION = "What is the capital of France? Answer with one word."
ANSWER = "paris"
TASK = "List the files in the current directory."


def preflight(
    client: StampedClient, model: str, tools: list[dict[str, Any]], template: str
) -> tuple[Preflight, list[Exchange]]:
    """Ask for one fact and for one tool call.

    Args:
        client: a connection to the engine.
        model: the model's name in requests.
        tools: what the agent will offer; none: there is no agent, and no call is asked for.
        template: the chat template in use, by name, for the advice.

    Returns:
        The cases and the recorded exchanges behind them.
    """
    body = {
        "model": model,
        "temperature": 0,
        "max_tokens": 256,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    fact = client.post(
        "/chat/completions", {**body, "messages": [{"role": "user", "content": QUESTION}]}, purpose="preflight"
    )
    if not tools:
        return Preflight(cases=(_coherence(fact),), tools=False), [fact]
    system = {"role": "system", "content": "You are a coding agent. Use the tools to do what the user asks."}
    messages = [system, {"role": "user", "content": TASK}]
    call = client.post("/chat/completions", {**body, "messages": messages, "tools": tools}, purpose="preflight")
    called = _tool_case(call, tools, template)
    return Preflight(cases=(_coherence(fact), called), tools=called.status == "pass"), [fact, call]


def _coherence(exchange: Exchange) -> PreflightCase:
    reply = read_reply(exchange)
    if trouble := _trouble(exchange, reply):
        return PreflightCase(name="coherence", status="fail", detail=trouble)
    text = f"{reply.content} {reply.reasoning}"
    good = ANSWER in text.lower()
    return PreflightCase(
        name="coherence",
        status="pass" if good else "fail",
        detail=f"asked for the capital of France, it said: {_short(text)}",
    )


def _tool_case(exchange: Exchange, tools: list[dict[str, Any]], template: str) -> PreflightCase:
    reply = read_reply(exchange)
    if trouble := _trouble(exchange, reply):
        return PreflightCase(name="tool_call", status="fail", detail=trouble)
    offered = {tool["function"]["name"] for tool in tools}
    if not reply.tool_calls:
        return PreflightCase(
            name="tool_call",
            status="fail",
            detail=f"no tool call came back, but {_said(reply)}; "
            f"the chat template in use ({template}) may not ask for a form of call that this server parses",
        )
    call = reply.tool_calls[0]
    if call.name not in offered:
        return PreflightCase(name="tool_call", status="warn", detail=f"it called {call.name!r}, which was not offered")
    try:
        usable = isinstance(json.loads(call.arguments or "{}"), dict)
    except ValueError:
        usable = False
    if not usable:
        detail = f"arguments of {call.name} that are no JSON object: {_short(call.arguments)}"
        return PreflightCase(name="tool_call", status="warn", detail=detail)
    return PreflightCase(name="tool_call", status="pass", detail=f"{call.name} {_short(call.arguments)}")


def _trouble(exchange: Exchange, reply: Reply) -> str:
    if exchange.error:
        return exchange.error
    if exchange.status != 200:
        return f"status {exchange.status}: {_short(exchange.body().decode('utf-8', 'replace'))}"
    return reply.error or ""


def _said(reply: Reply) -> str:
    text = _short(reply.content or reply.reasoning)
    return f"text: {text}" if text else "an empty answer"


def _short(text: str, limit: int = 160) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else f"{flat[:limit]}..."
