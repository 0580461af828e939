"""What `/v1/models` says of the one model that is served."""

from typing import Any

from onbox.wire.client import StampedClient

NAMES_MAX = 100


def first_model(client: StampedClient) -> dict[str, Any]:
    """Name, owner and context of the first model; a value that is missing or odd is None."""
    models = (client.get_json("/v1/models") or {}).get("data")
    first = models[0] if isinstance(models, list) and models and isinstance(models[0], dict) else {}
    return {
        "model": first.get("id") if isinstance(first.get("id"), str) else None,
        "owned_by": first.get("owned_by"),
        "max_model_len": first.get("max_model_len"),
    }


def served_names(client: StampedClient) -> tuple[str, ...]:
    """The names of `/v1/models`, aliases included, at most 100; empty where the server lists none."""
    models = (client.get_json("/v1/models") or {}).get("data")
    names: list[object] = []
    for entry in models[:NAMES_MAX] if isinstance(models, list) else []:
        if isinstance(entry, dict):
            aliases = entry.get("aliases")
            names += [entry.get("id"), *(aliases[:NAMES_MAX] if isinstance(aliases, list) else [])]
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name))[:NAMES_MAX]


def goes_by(name: str, names: tuple[str, ...]) -> bool:
    """Whether a server that lists `names` lists `name`: as it is, by the tag `latest`, or by a pattern (`*`)."""
    return any(name in (each, each.removesuffix(":latest")) or "*" in each for each in names)
