"""Which server answers at a URL, and what it says of itself."""

from dataclasses import dataclass, replace
from typing import Any

from onbox.engines.openai.attached import Attached
from onbox.untrusted_json import UntrustedJsonError, parse_object
from onbox.wire.client import StampedClient

KINDS = {"vllm": "vLLM", "llamacpp": "llama.cpp", "sglang": "SGLang", "library": "Ollama"}
"""`owned_by` in `/v1/models` -> the server."""
MODELS_MAX = 1000
TOKENS_MAX = 10**9
"""No context is longer; a larger number is none."""


@dataclass(frozen=True)
class Served:
    """A running server.

    Args:
        kind: `vLLM`, `llama.cpp`, `SGLang`, `Ollama`, or `unknown`.
        version: as the server says it; None when it does not.
        models: the names it serves, first the one that is served by default.
        context_tokens: prompt and answer together; None when it does not say.
        sampling: what it samples by where a request does not say; None when it does not tell.
        vision: whether it says that it takes images; None when it does not say.
        origin: where the model's files came from, as the server says it; empty when it does not.
    """

    kind: str
    version: str | None
    models: tuple[str, ...]
    context_tokens: int | None
    sampling: dict[str, Any] | None
    vision: bool | None
    origin: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.version}" if self.version else self.kind


def who_serves(client: StampedClient, model: str | None = None) -> Served | None:
    """Ask a server who it is; None when nothing answers there.

    Args:
        client: a connection to it.
        model: the model that is meant, where it serves several.
    """
    if client.get("/v1/models").status is None:
        return None
    listed = (client.get_json("/v1/models") or {}).get("data")
    listed = listed[:MODELS_MAX] if isinstance(listed, list) else []
    entries = [entry for entry in listed if isinstance(entry, dict) and isinstance(entry.get("id"), str)]
    chosen = next((entry for entry in entries if entry["id"] == model), entries[0] if entries else {})
    props = Attached().props(client)
    kind = KINDS.get(str(chosen.get("owned_by")), "unknown")
    modalities = props.get("modalities")
    served = Served(
        kind=kind,
        version=_version(client, kind, props),
        models=tuple(entry["id"] for entry in entries),
        context_tokens=_positive(chosen.get("max_model_len")) or _positive(props.get("n_ctx")),
        sampling=props.get("sampling_defaults") or None,
        vision=bool(modalities.get("vision")) if isinstance(modalities, dict) else None,
        origin=_word(chosen.get("root")) or "",
    )
    return _asked_ollama(client, served, str(chosen.get("id"))) if kind == "Ollama" else served


def _version(client: StampedClient, kind: str, props: dict[str, Any]) -> str | None:
    if kind == "SGLang":
        info = client.get_json("/server_info") or client.get_json("/get_server_info") or {}
        return _word(info.get("version"))
    if kind == "Ollama":
        return _word((client.get_json("/api/version") or {}).get("version"))
    return _word(props.get("version")) or _word(props.get("build_info"))


def _asked_ollama(client: StampedClient, served: Served, model: str) -> Served:
    """Ollama tells of a model at an address of its own; its window is a setting that it does not tell."""
    exchange = client.request("POST", "/api/show", {"model": model}, purpose="probe")
    try:
        shown = parse_object(exchange.body()) if exchange.status == 200 else {}
    except UntrustedJsonError:
        shown = {}
    able = shown.get("capabilities")
    return replace(
        served,
        sampling={"parameters": shown["parameters"]} if shown.get("parameters") else None,
        vision="vision" in able if isinstance(able, list) else None,
    )


def _positive(value: Any) -> int | None:
    known = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= TOKENS_MAX
    return value if known else None


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
