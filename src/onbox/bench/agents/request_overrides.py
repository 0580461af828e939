"""What the harness puts into the requests of other people's agents, which take neither seed nor limits from it.

None of the agents that onbox knows sends a seed or a temperature of its own. What an agent does say stays, but for the
output limit: one that is larger than the run allows is lowered, so that no server refuses it for its small window.
"""

from typing import Any

_APIS = {
    "/chat/completions": ("max_tokens", "max_completion_tokens"),
    "/completions": ("max_tokens",),
    "/responses": ("max_output_tokens",),
    "/messages": ("max_tokens",),
}
"""The end of an API's path -> the names of its output limit; the first is used where the agent sets none."""
_KNOWN = {
    "/responses": frozenset({"temperature", "top_p"}),
    "/messages": frozenset({"temperature", "top_p", "top_k"}),
}
"""The sampling that the two strict APIs take; the others pass on whatever a recipe says, and a seed."""


def api_of(path: str) -> str | None:
    """The API of a request that generates, by the end of its path; None for any other request."""
    plain = path.partition("?")[0]
    return next((api for api in _APIS if plain.endswith(api)), None)


def amended(api: str, body: dict[str, Any], tokens: int, sampling: dict[str, Any], seed: int) -> dict[str, Any]:
    """A request with the run's output limit, sampling and seed, and with usage asked for.

    Args:
        api: by `api_of`.
        body: as the agent sent it.
        tokens: output tokens that the reply may have at most.
        sampling: by the recipe.
        seed: of this turn.
    """
    wanted = dict(sampling)
    if api in _KNOWN:
        wanted = {name: value for name, value in sampling.items() if name in _KNOWN[api]}
    else:
        wanted["seed"] = seed
        if body.get("stream"):
            wanted["stream_options"] = {"include_usage": True}
    names = [name for name in _APIS[api] if isinstance(body.get(name), int)] or _APIS[api][:1]
    limits = {name: min(tokens, body.get(name) or tokens) for name in names}
    return {**wanted, **body, **limits}
