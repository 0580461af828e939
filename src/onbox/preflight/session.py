"""One conversation of questions with a server: what was asked is kept, and what came back is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from onbox.engines.served import RunningServer, who_serves
from onbox.evidence.records import Exchange, PreflightCase, PreflightFinding
from onbox.evidence.replies import read_reply
from onbox.preflight.remedies import Trouble, remedy
from onbox.protocol.reply import Reply, ToolCall
from onbox.untrusted_json import UntrustedJsonError, parse_object
from onbox.wire.client import StampedClient

CHAT = "/chat/completions"
TOKENS = 256
"""Room for a short thought and a call; on two processors a model of 1.5 billion parameters needs ten seconds for it."""
REPLY_BYTES_MAX = 4 * 2**20
"""All replies are kept until the last question is asked; a thousand tokens of a stream have half a megabyte."""
DETAIL_MAX = 600
"""Characters of what a case tells, whatever a server has said."""
SYSTEM = "You are a coding agent. Use the tools to do what the user asks."


@dataclass
class PreflightSession:
    """Questions to one model of one server.

    Args:
        client: a connection to it.
        model: its name in requests.
        served: who serves; None where nobody asked yet, or nobody answers. It is asked for at the first trouble.
        options: of the command line that onbox started the server with; None: another started it.
    """

    client: StampedClient
    model: str
    served: RunningServer | None = None
    options: Mapping[str, str] | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    called: Reply | None = None
    """The answer to the first request for a call."""
    tools_refused: bool = False
    """Whether the server turns down any request with tools in it."""
    broken: bool = False
    """Whether the arguments of a call came broken."""
    nonsense: bool = False
    """Whether the answer to the simplest question made no sense."""
    vision: bool | None = None
    """Whether images are taken; None: not known."""

    def chat(self, messages: list[dict[str, Any]], **more: Any) -> tuple[Exchange, Reply]:
        """Ask at /chat/completions, greedily and streamed unless told otherwise."""
        body = {
            "model": self.model,
            "messages": messages,
            "temperature": 0,
            "max_tokens": TOKENS,
            "stream": True,
            **more,
        }
        if body["stream"]:
            body["stream_options"] = {"include_usage": True}
        return self.post(CHAT, body)

    def task(self, text: str, tools: list[dict[str, Any]], **more: Any) -> tuple[Exchange, Reply]:
        """Give a task that wants a tool call."""
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]
        return self.chat(messages, tools=tools, **more)

    def post(self, path: str, body: dict[str, Any]) -> tuple[Exchange, Reply]:
        """Ask at any path below `/v1`."""
        limits = self.client.limits
        self.client.limits = replace(limits, reply_bytes=min(limits.reply_bytes, REPLY_BYTES_MAX))
        try:
            exchange = self.client.post(path, body, purpose="preflight")
        finally:
            self.client.limits = limits
        self.exchanges.append(exchange)
        return exchange, read_reply(exchange)

    def ask_who_serves(self) -> None:
        """Ask the server who it is, once: the advice on a trouble and the room in its context depend on it."""
        if self.served is None and (found := who_serves(self.client, self.model)) is not None:
            self.served = found if self.options is None else replace(found, options=self.options)

    def case(
        self, name: str, status: str, detail: str, *troubles: Trouble, finding: PreflightFinding | None = None
    ) -> PreflightCase:
        """The case of the last questions, with what helps against its troubles on this server."""
        if troubles:
            self.ask_who_serves()
        names = f"{self.model} {self.served.origin}" if self.served else self.model
        helps = [text for trouble in troubles if (text := remedy(trouble, self.served, names))]
        return PreflightCase(
            name=name, status=status, detail=short(detail, DETAIL_MAX), remedy="; ".join(helps), finding=finding
        )


def trouble(exchange: Exchange, reply: Reply) -> str:
    """What broke an exchange, in words; empty when the reply is whole."""
    if exchange.error:
        return short(exchange.error)
    if exchange.status != 200:
        return f"status {exchange.status}: {short(reply.error or exchange.body().decode('utf-8', 'replace'))}"
    return short(reply.error or "")


def arguments(call: ToolCall) -> dict[str, Any] | None:
    """The arguments of a call; None when they are no JSON object."""
    try:
        return parse_object(call.arguments or "{}", any_integer=True)
    except UntrustedJsonError:
        return None


def came_instead(reply: Reply) -> str:
    """What came in the place of a call."""
    text = short(reply.content or reply.reasoning)
    return f"text: {text}" if text else "an empty answer"


def short(text: str, limit: int = 160) -> str:
    """One line of a text."""
    flat = " ".join(text[: 20 * limit].split())
    return flat if len(flat) <= limit else f"{flat[:limit]}..."
