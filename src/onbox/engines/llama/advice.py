"""What helps with llama.cpp's server (options of builds b11434 to b11549)."""

from onbox.engines.base import Advice, Trouble

_TEMPLATE = "llama.cpp: --jinja, and a --chat-template-file that asks for calls as this model writes them"
_HELPS = {
    Trouble.NO_TOOLS: "llama.cpp: --jinja (without it tools are refused)",
    Trouble.NO_CALL: _TEMPLATE,
    Trouble.LEAK: _TEMPLATE,
    Trouble.PARSE: f"{_TEMPLATE}; a lower --temp",
    Trouble.STREAM: "llama.cpp: another build; its parser for streams is the same code",
    Trouble.ARGUMENTS: (
        "llama.cpp: another build, or a lower --temp (known: malformed arguments now and then; seen in and mended in "
        "unknown builds: #22072, open)"
    ),
    Trouble.REASONING_IN_TEXT: "llama.cpp: --jinja --reasoning-format deepseek",
    Trouble.REASONING_LOST: "llama.cpp: a --chat-template-file that prints reasoning_content",
    Trouble.CONTEXT: "llama.cpp: --ctx-size N (divided by --parallel N)",
    Trouble.SAMPLING: "llama.cpp: --props",
    Trouble.APIS: "llama.cpp: build b10488 or newer",
}


def advice(case: Advice) -> str:
    """The option that helps; empty where none is known. What is set already is not named."""
    text = _HELPS.get(case.trouble, "")
    if case.is_set("--jinja"):
        if case.trouble is Trouble.NO_TOOLS:
            return "llama.cpp: another build: --jinja alone does not bring tools"
        text = text.replace("--jinja, and ", "").replace("--jinja ", "")
    if case.is_set("--chat-template-file"):
        text = text.replace("a --chat-template-file that", "another --chat-template-file, one that")
    if case.trouble is Trouble.CONTEXT and case.is_set("--ctx-size"):
        shared = "a smaller --parallel" if case.is_set("--parallel") else "divided by --parallel N"
        return f"llama.cpp: a larger --ctx-size ({shared})"
    if case.trouble is Trouble.SAMPLING and case.is_set("--props"):
        return "llama.cpp: another build: --props alone does not tell"
    if case.trouble is Trouble.REASONING_IN_TEXT and case.is_set("--reasoning-format", "deepseek"):
        return "llama.cpp: another build, or a --chat-template-file whose thoughts it knows"
    return text
