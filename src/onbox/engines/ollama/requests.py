"""Ollama's own API: only there it gives its durations."""

from typing import TYPE_CHECKING, Any

from onbox.engines.base import Api

if TYPE_CHECKING:
    from onbox.evidence.records import SpeedPlan


def _generate(model: str, text: str, plan: "SpeedPlan") -> dict[str, Any]:
    return {"model": model, "stream": True, "options": _options(plan), "raw": True, "prompt": text}


def _chat(model: str, text: str, plan: "SpeedPlan") -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"model": model, "stream": True, "options": _options(plan), "messages": messages}


def _options(plan: "SpeedPlan") -> dict[str, Any]:
    return {"num_predict": plan.tokens, "temperature": 0, "seed": plan.seed}


APIS = {"ollama-raw": Api("/api/generate", _generate), "ollama": Api("/api/chat", _chat)}
