"""What helps with vLLM: its parsers by model family (those that 0.32 registers), and its options."""

from dataclasses import dataclass

from onbox.engines.base import Advice, Trouble
from onbox.engines.log_lines import numbers
from onbox.engines.model_families import family_of
from onbox.engines.parser_faults import known_faults
from onbox.engines.vllm.parser_faults import FAULTS


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
    Trouble.REASONING_LOST: "vLLM: a --chat-template that prints reasoning, or a newer version (RFC #27653)",
    Trouble.CONTEXT: "vLLM: --max-model-len N",
    Trouble.SAMPLING: "vLLM: look into the model's generation_config.json (--generation-config)",
    Trouble.NO_USAGE: "vLLM: --enable-force-include-usage",
    Trouble.APIS: "vLLM: 0.10 or newer for responses, 0.12 or newer for messages",
}
_WHERE_SET = {
    Trouble.REASONING_LOST: ("--chat-template", "vLLM: another --chat-template, one that prints reasoning"),
    Trouble.CONTEXT: ("--max-model-len", "vLLM: a larger --max-model-len"),
    Trouble.SAMPLING: ("--generation-config", "vLLM: look into the model's generation_config.json"),
    Trouble.NO_USAGE: ("--enable-force-include-usage", "vLLM: another version"),
}
"""What is said where an option is set already: of one whose value is at fault that it is to be another."""
_CALLS = (Trouble.NO_TOOLS, Trouble.NO_CALL, Trouble.LEAK, Trouble.PARSE)
_BROKEN = (Trouble.STREAM, Trouble.ARGUMENTS)
UNNAMED = "NAME, the one of this model"
PARSER, REASONING = "--tool-call-parser", "--reasoning-parser"


def advice(case: Advice) -> str:
    """The option that helps; empty where none is known. What is set already is not named, nor the parser in use."""
    parsers = PARSERS.get(family_of(case.model))
    if case.trouble in _BROKEN:
        return _of_the_parser(case, parsers)
    if case.trouble in _CALLS:
        return _call_parser(case, parsers)
    if case.trouble is Trouble.REASONING_IN_TEXT:
        reasoning = (parsers and parsers.reasoning) or UNNAMED
        if reasoning is UNNAMED and case.is_set(REASONING):
            return f"vLLM: another {REASONING}, the one of this model"
        if case.is_set(REASONING, reasoning):
            return f"vLLM: another version, or {_template(case)} that opens the thought as its parser wants it"
        return f"vLLM: {REASONING} {reasoning}"
    option, other = _WHERE_SET.get(case.trouble, ("", ""))
    return other if option and case.is_set(option) else _HELPS.get(case.trouble, "")


def _template(case: Advice) -> str:
    return "another --chat-template, one" if case.is_set("--chat-template") else "a --chat-template"


def _of_the_parser(case: Advice, parsers: Parsers | None) -> str:
    """What keeps clear of a parser that breaks the calls which it reads."""
    faults = known_faults(case, FAULTS, parsers.calls if parsers else "")
    texts = [fault.as_text() for fault in faults] or ["another version: no fault of the parser in use is known here"]
    if case.trouble is Trouble.STREAM:
        texts.append("an agent that asks for whole answers (mini-swe-agent)")
    return "vLLM: " + "; or ".join(texts)


def _call_parser(case: Advice, parsers: Parsers | None) -> str:
    named = [
        ("--enable-auto-tool-choice", ""),
        (PARSER, parsers.calls if parsers else UNNAMED),
        *([(REASONING, parsers.reasoning)] if parsers and parsers.reasoning else []),
    ]
    missing = [f"{name} {value}".rstrip() for name, value in named if not case.is_set(name, value)]
    if parsers is None and case.is_set(PARSER):
        missing = [f"another {PARSER}, the one of this model"]
    if not missing:
        return f"vLLM: another version, or {_template(case)} that asks for calls as the parser in use reads them"
    text = f"vLLM: {' '.join(missing)}"
    since = parsers.since if parsers else ""
    if since and case.version and numbers(case.version) < numbers(since):
        text += f", which came with vLLM {since}; this is {case.version}"
    return text
