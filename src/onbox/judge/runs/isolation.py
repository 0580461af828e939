"""Did each arm get its own equipment and no other's? By marks in the requests of a run, never by what was intended.

The mark of rules is a random word that was planted below them, of servers of tools the tools that they add, of sampling
its values. Nudges are the built-in agent's own words and leave no mark beforehand.
"""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from onbox.evidence.records import ArmPlan, Exchange


def has_mark(arm: ArmPlan) -> bool:
    """Whether runs of the arm can be told by their requests."""
    return bool(arm.rules or arm.mcp or arm.sampling)


def bears(arm: ArmPlan, canaries: Collection[str], exchanges: Sequence[Exchange]) -> bool:
    """Whether the requests of a run show the mark of an arm.

    Args:
        arm: one with a mark.
        canaries: the words that were planted in its rules: those of all its runs, or of one.
        exchanges: of the run; only those of the agent count.
    """
    requests = [exchange.request for exchange in exchanges if exchange.purpose == "agent"]
    if arm.rules:
        texts = [json.dumps(request) for request in requests]
        return any(canary in text for canary in canaries for text in texts)
    if arm.mcp:
        names = {name for request in requests for name in _tool_names(request)}
        bodies = [json.dumps(request) for request in requests]
        return all(_serves(server, names, bodies) for server in arm.mcp)
    settings = [request for request in requests if isinstance(request, dict)]
    return bool(settings) and all(
        request.get(key) == value for request in settings for key, value in arm.sampling.items()
    )


def _serves(server: str, names: Collection[str], bodies: Sequence[str]) -> bool:
    """Whether tools of a server are offered, or told of by name: Qwen Code offers one only after the model asked."""
    part = re.compile(rf"(?<![^\W_]){re.escape(_plain(server))}(?![^\W_])")
    return any(part.search(_plain(name)) for name in names) or any(f"mcp__{server}__" in text for text in bodies)


def _plain(name: str) -> str:
    """A name with one sign between its parts: agents put a server's before a tool's, each with signs of its own."""
    return re.sub(r"[^\w]+|_+", "_", name.lower()).strip("_")


def _tool_names(holder: Any) -> Iterator[str]:
    """The names of tools, of those inside namespaces, and of the namespaces."""
    tools = holder.get("tools") if isinstance(holder, dict) else None
    for tool in tools if isinstance(tools, list) else []:
        if isinstance(tool, dict):
            function = tool.get("function", tool)
            if isinstance(function, dict) and isinstance(function.get("name"), str):
                yield function["name"]
            yield from _tool_names(tool)
