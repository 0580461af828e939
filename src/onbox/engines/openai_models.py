"""What `/v1/models` says of the one model that is served."""

from typing import Any

from onbox.wire.client import StampedClient


def first_model(client: StampedClient) -> dict[str, Any]:
    """Name, owner and context of the first model; a value that is missing or odd is None."""
    models = (client.get_json("/v1/models") or {}).get("data")
    first = models[0] if isinstance(models, list) and models and isinstance(models[0], dict) else {}
    return {
        "model": first.get("id") if isinstance(first.get("id"), str) else None,
        "owned_by": first.get("owned_by"),
        "max_model_len": first.get("max_model_len"),
    }
