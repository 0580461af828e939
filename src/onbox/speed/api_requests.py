"""How each API is asked for a stream of a given length."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from onbox.engines import all_facts, facts_of
from onbox.engines.base import Api
from onbox.evidence.records import SpeedPlan


def _completions(model: str, text: str, plan: SpeedPlan) -> dict[str, Any]:
    # A fixed length only on raw completions: on chat it breaks models that speak harmony. Token ids come
    # from servers that know the word; the others pass over it.
    return {**_openai(model, plan), "prompt": text, "ignore_eos": True, "return_token_ids": True}


def _chat(model: str, text: str, plan: SpeedPlan) -> dict[str, Any]:
    return {**_openai(model, plan), "messages": [{"role": "user", "content": text}]}


def _responses(model: str, text: str, plan: SpeedPlan) -> dict[str, Any]:
    return {"model": model, "max_output_tokens": plan.tokens, "temperature": 0, "stream": True, "input": text}


def _messages(model: str, text: str, plan: SpeedPlan) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"model": model, "max_tokens": plan.tokens, "temperature": 0, "stream": True, "messages": messages}


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
        **{name: api for facts in all_facts() for name, api in facts.apis.items()},
    }
)

USUAL = ("completions", "chat")
"""Asked in this order: a server without raw completions is measured on chat, to the natural end of its replies."""


def apis_for(props: Mapping[str, Any]) -> tuple[str, ...]:
    """The APIs by which a server is measured, from what it says of itself."""
    return tuple(facts_of(str(props.get("server"))).apis) or USUAL
