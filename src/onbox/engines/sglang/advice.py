"""What helps with SGLang (its documentation of its tool and reasoning parsers)."""

from onbox.engines.base import Advice, Trouble
from onbox.engines.model_families import family_of
from onbox.engines.parser_faults import known_faults
from onbox.engines.sglang.parser_faults import FAULTS

PARSERS = {
    "gpt-oss": ("gpt-oss", "gpt-oss"),
    "qwen3.5": ("qwen3_coder", "qwen3"),
    "qwen3-coder": ("qwen3_coder", ""),
    "qwen3": ("qwen", "qwen3"),
    "hermes": ("qwen25", ""),
    "deepseek-r1": ("deepseekv3", "deepseek-r1"),
    "deepseek-v3.1": ("deepseekv31", "deepseek-v3"),
    "deepseek-v3": ("deepseekv3", "deepseek-v3"),
    "glm-4.7": ("glm", "glm45"),
    "glm-4": ("glm", "glm45"),
    "kimi": ("kimi_k2", "kimi_k2"),
    "minimax": ("minimax-m2", "minimax"),
    "llama-4": ("llama4", ""),
    "llama-3": ("llama3", ""),
    "magistral": ("mistral", "magistral"),
    "mistral": ("mistral", ""),
}
"""Family -> parser of calls, parser of thoughts; empty where there is none."""

_HELPS = {
    Trouble.REASONING_LOST: "SGLang: a --chat-template that prints reasoning_content",
    Trouble.CONTEXT: "SGLang: --context-length N",
    Trouble.SAMPLING: "SGLang: look into the model's generation_config.json (--sampling-defaults)",
    Trouble.APIS: "SGLang: a newer version",
}
_WHERE_SET = {
    Trouble.REASONING_LOST: ("--chat-template", "SGLang: another --chat-template, one that prints reasoning_content"),
    Trouble.CONTEXT: ("--context-length", "SGLang: a larger --context-length"),
    Trouble.SAMPLING: ("--sampling-defaults", "SGLang: look into the model's generation_config.json"),
}
"""What is said where an option is set already: of one whose value is at fault that it is to be another."""
_CALLS = (Trouble.NO_TOOLS, Trouble.NO_CALL, Trouble.LEAK, Trouble.PARSE)
UNNAMED = "NAME, the one of this model"


PARSER, REASONING = "--tool-call-parser", "--reasoning-parser"


def advice(case: Advice) -> str:
    """The option that helps; empty where none is known. What is set already is not named, nor the parser in use."""
    calls, reasoning = PARSERS.get(family_of(case.model), ("", ""))
    if case.trouble in (Trouble.STREAM, Trouble.ARGUMENTS):
        faults = [fault.as_text() for fault in known_faults(case, FAULTS, calls)]
        return "SGLang: " + ("; or ".join(faults) or "another version: no fault of the parser in use is known here")
    if case.trouble in _CALLS:
        if case.is_set(PARSER) and not calls:
            return f"SGLang: another {PARSER}, the one of this model"
        if case.is_set(PARSER, calls):
            template = "another --chat-template, one" if case.is_set("--chat-template") else "a --chat-template"
            return f"SGLang: another version, or {template} that asks for calls as the parser in use reads them"
        return f"SGLang: {PARSER} {calls or UNNAMED}"
    if case.trouble is Trouble.REASONING_IN_TEXT:
        if case.is_set(REASONING, reasoning):
            return "SGLang: another version"
        return f"SGLang: {REASONING} {reasoning or UNNAMED}"
    option, other = _WHERE_SET.get(case.trouble, ("", ""))
    return other if option and case.is_set(option) else _HELPS.get(case.trouble, "")
