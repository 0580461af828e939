"""What llama.cpp's server says of itself."""

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onbox.wire.client import StampedClient


def props(client: "StampedClient") -> dict[str, Any]:
    """Context, modalities, sampling defaults and the hash of the chat template, from `/props`."""
    raw = client.get_json("/props") or {}
    defaults = _object(raw.get("default_generation_settings"))
    params = _object(defaults.get("params"))
    template = raw.get("chat_template")
    return {
        "n_ctx": defaults.get("n_ctx"),
        "total_slots": raw.get("total_slots"),
        "model_ftype": raw.get("model_ftype"),
        "modalities": raw.get("modalities"),
        "build_info": None if str(raw.get("build_info")).startswith("b0-") else raw.get("build_info"),
        "chat_template_sha256": hashlib.sha256(template.encode("utf-8", "surrogatepass")).hexdigest()
        if isinstance(template, str)
        else None,
        "sampling_defaults": {
            key: params.get(key)
            for key in ("temperature", "top_k", "top_p", "min_p", "repeat_penalty", "seed")
            if key in params
        },
    }


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
