"""What helps with vLLM: its parsers by model family (those that 0.32 registers), and its options."""

from dataclasses import dataclass

from onbox.engines.base import Advice, Trouble
from onbox.engines.log_lines import numbers
from onbox.engines.model_families import family_of


@dataclass(frozen=True)
class Parsers:
    """What reads a family's output.

    Args:
        calls: parser of calls.
        reasoning: parser of thoughts; empty where the family does not think aloud.
        since: the first version with that parser of calls; empty: older than what is looked at here.
    """

    calls: str
    reasoning: str = ""
    since: str = ""


PARSERS = {
    "gpt-oss": Parsers("openai", "openai_gptoss", since="0.10.2"),
    "qwen3.5": Parsers("qwen3_xml", "qwen3", since="0.11"),
    "qwen3-coder": Parsers("qwen3_xml", since="0.11"),
    "qwen3": Parsers("hermes", "qwen3"),
    "hermes": Parsers("hermes"),
    "deepseek-r1": Parsers("deepseek_v3", "deepseek_r1"),
    "deepseek-v3.1": Parsers("deepseek_v31", "deepseek_v3", since="0.10.2"),
    "deepseek-v3": Parsers("deepseek_v3", "deepseek_v3"),
    "glm-4.7": Parsers("glm47", "glm47", since="0.14"),
    "glm-4": Parsers("glm45", "glm45", since="0.10.1"),
    "kimi": Parsers("kimi_k2", "kimi_k2", since="0.10.1"),
    "minimax": Parsers("minimax_m2", "minimax_m2", since="0.11.1"),
    "llama-4": Parsers("llama4_pythonic"),
    "llama-3": Parsers("llama3_json"),
    "magistral": Parsers("mistral", "mistral"),
    "mistral": Parsers("mistral"),
    "gemma-4": Parsers("gemma4", "gemma4"),
    "granite-4": Parsers("granite4", "granite"),
    "granite": Parsers("granite", "granite"),
    "phi-4": Parsers("phi4_mini_json"),
    "seed-oss": Parsers("seed_oss", "seed_oss", since="0.10.2"),
}

_HELPS = {
    Trouble.STREAM: "vLLM: another --tool-call-parser, or a newer version",
    Trouble.REASONING_LOST: "vLLM: a --chat-template that prints reasoning, or a newer version (RFC #27653)",
    Trouble.CONTEXT: "vLLM: --max-model-len N",
    Trouble.SAMPLING: "vLLM: look into the model's generation_config.json (--generation-config)",
    Trouble.NO_USAGE: "vLLM: --enable-force-include-usage",
    Trouble.APIS: "vLLM: 0.10 or newer for responses, 0.12 or newer for messages",
}
_CALLS = (Trouble.NO_TOOLS, Trouble.NO_CALL, Trouble.LEAK, Trouble.PARSE)
UNNAMED = "NAME, the one of this model"


def advice(case: Advice) -> str:
    """The option that helps; empty where none is known."""
    parsers = PARSERS.get(family_of(case.model))
    if case.trouble in _CALLS:
        return _call_parser(parsers, case.version)
    if case.trouble is Trouble.REASONING_IN_TEXT:
        return f"vLLM: --reasoning-parser {(parsers and parsers.reasoning) or UNNAMED}"
    return _HELPS.get(case.trouble, "")


def _call_parser(parsers: Parsers | None, version: str | None) -> str:
    text = f"vLLM: --enable-auto-tool-choice --tool-call-parser {parsers.calls if parsers else UNNAMED}"
    if parsers is None:
        return text
    if parsers.reasoning:
        text += f" --reasoning-parser {parsers.reasoning}"
    if parsers.since and version and numbers(version) < numbers(parsers.since):
        text += f", which came with vLLM {parsers.since}; this is {version}"
    return text
