"""What every llama.cpp server has in common, however it was started."""

import hashlib
from typing import Any

from onbox.engines.llama.profile import PROFILE
from onbox.engines.scrape import idle_signs
from onbox.wire.client import StampedClient


class LlamaServer:
    """Endpoints and counters of llama.cpp's server (facts of builds b11434 to b11549)."""

    metrics_path: str | None = "/metrics"
    profile = PROFILE

    def ready(self, client: StampedClient) -> bool:
        """`/health` answers 503 while the model loads and 200 after."""
        return client.get("/health").status == 200

    def idle(self, metrics_text: str) -> dict[str, float]:
        """Requests that run and wait, and tokens made."""
        return idle_signs(metrics_text, PROFILE)

    def props(self, client: StampedClient) -> dict[str, Any]:
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
            "build_info": raw.get("build_info"),
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
