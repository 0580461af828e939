"""What helps against which trouble, by server and model family.

Sources: the parsers that vLLM 0.32 registers, SGLang's documentation of its tool and reasoning parsers, the options of
llama.cpp's server (builds b11434 to b11549), Ollama's documentation of Modelfiles. A parser that an older version does
not have yet is named with the version that brought it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from onbox.engines.served import Served


class Trouble(StrEnum):
    """What may be wrong between a server and an agent."""

    NO_TOOLS = "a request with tools is refused"
    NO_CALL = "no call comes"
    LEAK = "calls stand in the text"
    PARSE = "the server cannot parse what the model wrote"
    STREAM = "streams and whole answers differ"
    REASONING_IN_TEXT = "thoughts stand in the text"
    REASONING_LOST = "thoughts are not passed back"
    IMAGE = "images are not taken"
    CONTEXT = "the context is short"
    SAMPLING = "sampling defaults are not told"
    NO_USAGE = "usage is not told"
    APIS = "an API is missing"


@dataclass(frozen=True)
class Family:
    """Models that write their calls alike.

    Args:
        name: matches the model's name in requests.
        vllm_tools: vLLM's parser of calls.
        vllm_reasoning: vLLM's parser of thoughts; empty where the family does not think aloud.
        sglang_tools: SGLang's parser of calls.
        sglang_reasoning: SGLang's parser of thoughts.
        vllm_since: the first version of vLLM with that parser of calls.
    """

    name: re.Pattern[str]
    vllm_tools: str
    vllm_reasoning: str
    sglang_tools: str
    sglang_reasoning: str
    vllm_since: str = ""


def _family(
    name: str, vllm_tools: str, vllm_reasoning: str, sglang_tools: str, sglang_reasoning: str, since: str = ""
) -> Family:
    return Family(
        re.compile(name, re.IGNORECASE), vllm_tools, vllm_reasoning, sglang_tools, sglang_reasoning, vllm_since=since
    )


FAMILIES = (
    _family(r"gpt-?oss", "openai", "openai_gptoss", "gpt-oss", "gpt-oss", since="0.10.2"),
    _family(r"qwen-?3\.[5-9]", "qwen3_xml", "qwen3", "qwen3_coder", "qwen3", since="0.11"),
    _family(r"qwen-?3.*coder", "qwen3_xml", "", "qwen3_coder", "", since="0.11"),
    _family(r"qwen-?3|qwq", "hermes", "qwen3", "qwen", "qwen3"),
    _family(r"qwen-?2|hermes|smollm", "hermes", "", "qwen25", ""),
    _family(r"deepseek.*r1", "deepseek_v3", "deepseek_r1", "deepseekv3", "deepseek-r1"),
    _family(r"deepseek.*v3\.1", "deepseek_v31", "deepseek_v3", "deepseekv31", "deepseek-v3", since="0.10.2"),
    _family(r"deepseek.*v3", "deepseek_v3", "deepseek_v3", "deepseekv3", "deepseek-v3"),
    _family(r"glm-?4\.[7-9]", "glm47", "glm47", "glm", "glm45", since="0.14"),
    _family(r"glm-?4", "glm45", "glm45", "glm", "glm45", since="0.10.1"),
    _family(r"kimi", "kimi_k2", "kimi_k2", "kimi_k2", "kimi_k2", since="0.10.1"),
    _family(r"minimax", "minimax_m2", "minimax_m2", "minimax-m2", "minimax", since="0.11.1"),
    _family(r"llama-?4", "llama4_pythonic", "", "llama4", ""),
    _family(r"llama-?3", "llama3_json", "", "llama3", ""),
    _family(r"magistral", "mistral", "mistral", "mistral", "magistral"),
    _family(r"mistral|devstral|codestral|ministral", "mistral", "", "mistral", ""),
    _family(r"gemma-?4", "gemma4", "gemma4", "", ""),
    _family(r"granite-?4", "granite4", "granite", "", ""),
    _family(r"granite", "granite", "granite", "", ""),
    _family(r"phi-?4", "phi4_mini_json", "", "", ""),
    _family(r"seed.*oss", "seed_oss", "seed_oss", "", "", since="0.10.2"),
)

_LLAMA_TEMPLATE = "llama.cpp: --jinja, and a --chat-template-file that asks for calls as this model writes them"
_LLAMA = {
    Trouble.NO_TOOLS: "llama.cpp: --jinja (without it tools are refused)",
    Trouble.NO_CALL: _LLAMA_TEMPLATE,
    Trouble.LEAK: _LLAMA_TEMPLATE,
    Trouble.PARSE: f"{_LLAMA_TEMPLATE}; a lower --temp",
    Trouble.STREAM: "llama.cpp: another build; its parser for streams is the same code",
    Trouble.REASONING_IN_TEXT: "llama.cpp: --jinja --reasoning-format deepseek",
    Trouble.REASONING_LOST: "llama.cpp: a --chat-template-file that prints reasoning_content",
    Trouble.IMAGE: "llama.cpp: --mmproj FILE, where the model has one",
    Trouble.CONTEXT: "llama.cpp: --ctx-size N (divided by --parallel N)",
    Trouble.SAMPLING: "llama.cpp: --props",
    Trouble.APIS: "llama.cpp: build b10488 or newer",
}
_OLLAMA = {
    Trouble.NO_TOOLS: "Ollama: a model whose `ollama show` lists tools",
    Trouble.NO_CALL: "Ollama: a TEMPLATE in the Modelfile that prints .Tools",
    Trouble.LEAK: "Ollama: a TEMPLATE in the Modelfile whose form of call it parses",
    Trouble.PARSE: "Ollama: a newer version, or another TEMPLATE in the Modelfile",
    Trouble.STREAM: "Ollama: a newer version",
    Trouble.REASONING_IN_TEXT: "Ollama: a model whose `ollama show` lists thinking",
    Trouble.REASONING_LOST: "Ollama: a TEMPLATE in the Modelfile that prints .Thinking",
    Trouble.IMAGE: "Ollama: a model whose `ollama show` lists vision",
    Trouble.CONTEXT: "Ollama: OLLAMA_CONTEXT_LENGTH=N, or PARAMETER num_ctx N in the Modelfile (the default is short)",
    Trouble.SAMPLING: "Ollama: `ollama show --parameters`",
    Trouble.APIS: "Ollama: a newer version",
}
_VLLM = {
    Trouble.STREAM: "vLLM: another --tool-call-parser, or a newer version",
    Trouble.REASONING_LOST: "vLLM: a --chat-template that prints reasoning, or a newer version (RFC #27653)",
    Trouble.IMAGE: "vLLM: without --language-model-only, and --limit-mm-per-prompt.image above 0, if the model can see",
    Trouble.CONTEXT: "vLLM: --max-model-len N",
    Trouble.SAMPLING: "vLLM: look into the model's generation_config.json (--generation-config)",
    Trouble.NO_USAGE: "vLLM: --enable-force-include-usage",
    Trouble.APIS: "vLLM: 0.10 or newer for responses, 0.12 or newer for messages",
}
_SGLANG = {
    Trouble.STREAM: "SGLang: another --tool-call-parser, or a newer version",
    Trouble.REASONING_LOST: "SGLang: a --chat-template that prints reasoning_content",
    Trouble.IMAGE: "SGLang: --enable-multimodal, if the model can see",
    Trouble.CONTEXT: "SGLang: --context-length N",
    Trouble.SAMPLING: "SGLang: look into the model's generation_config.json (--sampling-defaults)",
    Trouble.APIS: "SGLang: a newer version",
}
CALL_TROUBLES = frozenset({Trouble.NO_TOOLS, Trouble.NO_CALL, Trouble.LEAK, Trouble.PARSE})


def remedy(trouble: Trouble, served: Served | None, model: str) -> str:
    """The flag that helps against a trouble; empty where none is known.

    Args:
        trouble: what is wrong.
        served: the server; None where it is not known.
        model: the model's names, by which its family is told.
    """
    kind = served.kind if served else "unknown"
    if kind == "llama.cpp":
        return _LLAMA.get(trouble, "")
    if kind == "Ollama":
        return _OLLAMA.get(trouble, "")
    if kind not in ("vLLM", "SGLang"):
        return ""
    family = next((family for family in FAMILIES if family.name.search(model)), None)
    if trouble in CALL_TROUBLES:
        return _tool_parser(kind, family, served.version if served else None)
    if trouble is Trouble.REASONING_IN_TEXT:
        parser = family and (family.vllm_reasoning if kind == "vLLM" else family.sglang_reasoning)
        return f"{kind}: --reasoning-parser {parser or 'NAME, the one of this model'}"
    return (_VLLM if kind == "vLLM" else _SGLANG).get(trouble, "")


def _tool_parser(kind: str, family: Family | None, version: str | None) -> str:
    if kind == "SGLang":
        parser = family.sglang_tools if family and family.sglang_tools else "NAME, the one of this model"
        return f"SGLang: --tool-call-parser {parser}"
    parser = family.vllm_tools if family else "NAME, the one of this model"
    text = f"vLLM: --enable-auto-tool-choice --tool-call-parser {parser}"
    if family and family.vllm_reasoning:
        text += f" --reasoning-parser {family.vllm_reasoning}"
    if family and family.vllm_since and version and _number(version) < _number(family.vllm_since):
        text += f", which came with vLLM {family.vllm_since}; this is {version}"
    return text


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
