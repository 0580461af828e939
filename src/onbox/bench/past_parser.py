"""Roads past a server's parser: the same prompt, and the text of the model as it wrote it.

vLLM turns a chat request into token ids (`/v1/chat/completions/render` where it is switched on, else `/tokenize`) and
completes them with special tokens shown; llama.cpp renders it into text (`/apply-template`) and completes that
(`/completion`). SGLang 0.5.13 and later tells the token ids of a chat request with its answer, of which one token is
asked, and completes them (`/generate`). Ollama 0.12 and later tells the text of one in the place of an answer
(`_debug_render_only`) and completes it raw (`/api/generate`).

The last two follow what these servers' sources say of version 0.5.13 and of August 2026; they have never been run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onbox.engines.served import Served
from onbox.evidence.records import Exchange
from onbox.untrusted_json import UntrustedJsonError, parse
from onbox.wire.client import StampedClient

CHAT = "/v1/chat/completions"
PROMPT = "replay-prompt"
SAMPLED_BY = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "repeat_penalty",
    "seed",
)
OLLAMA_SAMPLED_BY = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed")
"""What Ollama takes from a chat request; the first two are 1 where the request has none."""


@dataclass(frozen=True)
class Road:
    """A request whose answer no parser has touched.

    Args:
        path: counted from the root of the server.
        body: without a seed.
        name: in words.
    """

    path: str
    body: dict[str, Any]
    name: str


def road(client: StampedClient, served: Served, request: Exchange) -> tuple[Road | None, list[Exchange]]:
    """The road for a recorded chat request, and the exchanges that found it; None where there is none.

    Args:
        client: a connection to the server.
        served: who serves.
        request: as it was recorded.
    """
    body = request.request
    if not request.path.endswith(CHAT) or not isinstance(body, dict):
        return None, []
    find = {"llama.cpp": _llama, "vLLM": _vllm, "SGLang": _sglang, "Ollama": _ollama}.get(served.kind)
    return find(client, body) if find else (None, [])


def _llama(client: StampedClient, body: Mapping[str, Any]) -> tuple[Road | None, list[Exchange]]:
    asked = client.request("POST", "/apply-template", {**body, "stream": False}, purpose=PROMPT)
    prompt = _answer(asked).get("prompt")
    if not isinstance(prompt, str):
        return None, [asked]
    raw = {"prompt": prompt, "n_predict": _output_limit(body), "stream": False, **_sampling(body)}
    return Road("/completion", raw, "llama.cpp, /apply-template and /completion"), [asked]


def _vllm(client: StampedClient, body: Mapping[str, Any]) -> tuple[Road | None, list[Exchange]]:
    whole = {name: value for name, value in body.items() if name != "stream_options"}
    asked = client.request("POST", f"{CHAT}/render", {**whole, "stream": False}, purpose=PROMPT)
    tried, ids, name = [asked], _answer(asked).get("token_ids"), "render"
    if not isinstance(ids, list):
        kept = {key: body[key] for key in ("model", "messages", "tools") if key in body}
        tried.append(client.request("POST", "/tokenize", kept, purpose=PROMPT))
        ids, name = _answer(tried[-1]).get("tokens"), "tokenize"
    if not isinstance(ids, list):
        return None, tried
    raw = {
        "model": body.get("model"),
        "prompt": ids,
        "max_tokens": _output_limit(body),
        "skip_special_tokens": False,
        "stream": False,
        **_sampling(body),
    }
    return Road("/v1/completions", raw, f"vLLM, {name} and /v1/completions"), tried


def _sglang(client: StampedClient, body: Mapping[str, Any]) -> tuple[Road | None, list[Exchange]]:
    asked = client.request("POST", CHAT, {**_brief(body), "return_prompt_token_ids": True}, purpose=PROMPT)
    choices = _answer(asked).get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    ids = first.get("prompt_token_ids") if isinstance(first, dict) else None
    if not isinstance(ids, list):
        return None, [asked]
    sampling = _sampling(body)
    if "seed" in sampling:
        sampling["sampling_seed"] = sampling.pop("seed")
    sampling |= {"max_new_tokens": _output_limit(body), "skip_special_tokens": False}
    raw = {"input_ids": ids, "sampling_params": sampling, "stream": False}
    return Road("/generate", raw, "SGLang, return_prompt_token_ids and /generate"), [asked]


def _ollama(client: StampedClient, body: Mapping[str, Any]) -> tuple[Road | None, list[Exchange]]:
    asked = client.request("POST", CHAT, {**_brief(body), "_debug_render_only": True}, purpose=PROMPT)
    told = _answer(asked).get("_debug_info")
    prompt = told.get("rendered_template") if isinstance(told, dict) and not told.get("image_count") else None
    if not isinstance(prompt, str):
        return None, [asked]
    sampling = {"temperature": 1.0, "top_p": 1.0, **{name: body[name] for name in OLLAMA_SAMPLED_BY if name in body}}
    options = {"num_predict": _output_limit(body), **sampling}
    raw = {"model": body.get("model"), "prompt": prompt, "raw": True, "stream": False, "options": options}
    return Road("/api/generate", raw, "Ollama, _debug_render_only and /api/generate"), [asked]


def _brief(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request for one token and whole: its answer is not wanted, only what comes with it."""
    left_out = ("stream_options", "max_completion_tokens")
    return {**{name: body[name] for name in body if name not in left_out}, "max_tokens": 1, "stream": False}


def _sampling(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in SAMPLED_BY if name in body}


def _output_limit(body: Mapping[str, Any]) -> int:
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    return limit if isinstance(limit, int) else 1024


def _answer(exchange: Exchange) -> dict[str, Any]:
    try:
        value = parse(exchange.body()) if exchange.status == 200 else {}
    except UntrustedJsonError:
        return {}
    return value if isinstance(value, dict) else {}
