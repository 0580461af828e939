"""How each API is asked for a stream of a given length."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from onbox.evidence.records import SpeedPlan


@dataclass(frozen=True)
class Api:
    """One way to ask.

    Args:
        path: counted from the root of the server.
        body: what to send, from the model's name, the prompt and the plan.
    """

    path: str
    body: Callable[[str, str, SpeedPlan], dict[str, Any]]


def _completions(model: str, text: str, plan: SpeedPlan) -> dict[str, Any]:
    # A fixed length only on raw completions: on chat it breaks models that speak harmony (vLLM #22519). Token ids come
    # from vLLM alone; the others do not know the word.
    return {**_openai(model, plan), "prompt": text, "ignore_eos": True, "return_token_ids": True}


def _chat(model: str, text: str, plan: SpeedPlan) -> dict[str, Any]:
    return {**_openai(model, plan), "messages": [{"role": "user", "content": text}]}


def _responses(model: str, text: str, plan: SpeedPlan) -> dict[str, Any]:
    return {"model": model, "max_output_tokens": plan.tokens, "temperature": 0, "stream": True, "input": text}


def _messages(model: str, text: str, plan: SpeedPlan) -> dict[str, Any]:
    asked = [{"role": "user", "content": text}]
    return {"model": model, "max_tokens": plan.tokens, "temperature": 0, "stream": True, "messages": asked}


def _ollama(model: str, text: str, plan: SpeedPlan) -> dict[str, Any]:
    options = {"num_predict": plan.tokens, "temperature": 0, "seed": plan.seed}
    return {"model": model, "stream": True, "options": options, "messages": [{"role": "user", "content": text}]}


def _generate(model: str, text: str, plan: SpeedPlan) -> dict[str, Any]:
    options = {"num_predict": plan.tokens, "temperature": 0, "seed": plan.seed}
    return {"model": model, "stream": True, "options": options, "raw": True, "prompt": text}


def _openai(model: str, plan: SpeedPlan) -> dict[str, Any]:
    return {
        "model": model,
        "max_tokens": plan.tokens,
        "temperature": 0,
        "seed": plan.seed,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


APIS: Mapping[str, Api] = MappingProxyType(
    {
        "completions": Api("/v1/completions", _completions),
        "chat": Api("/v1/chat/completions", _chat),
        "responses": Api("/v1/responses", _responses),
        "messages": Api("/v1/messages", _messages),
        "ollama": Api("/api/chat", _ollama),
        "ollama-raw": Api("/api/generate", _generate),
    }
)

USUAL = ("completions", "chat")
"""Asked in this order: a server without raw completions is measured on chat, to the natural end of its replies."""

OF_OLLAMA = ("ollama-raw", "ollama")
"""Only its own API tells Ollama's seconds."""


def apis_for(props: Mapping[str, Any]) -> tuple[str, ...]:
    """The APIs by which a server is measured, from what it says of itself."""
    return OF_OLLAMA if props.get("server") == "ollama" else USUAL
