"""What helps with Ollama (its documentation of Modelfiles)."""

from onbox.engines.base import Advice, Trouble

_HELPS = {
    Trouble.NO_TOOLS: "Ollama: a model whose `ollama show` lists tools",
    Trouble.NO_CALL: "Ollama: a TEMPLATE in the Modelfile that prints .Tools",
    Trouble.LEAK: "Ollama: a TEMPLATE in the Modelfile whose form of call it parses",
    Trouble.PARSE: "Ollama: a newer version, or another TEMPLATE in the Modelfile",
    Trouble.STREAM: "Ollama: a newer version",
    Trouble.ARGUMENTS: "Ollama: a newer version, or another TEMPLATE in the Modelfile",
    Trouble.REASONING_IN_TEXT: "Ollama: a model whose `ollama show` lists thinking",
    Trouble.REASONING_LOST: "Ollama: a TEMPLATE in the Modelfile that prints .Thinking",
    Trouble.CONTEXT: "Ollama: OLLAMA_CONTEXT_LENGTH=N, or PARAMETER num_ctx N in the Modelfile (the default is short)",
    Trouble.SAMPLING: "Ollama: `ollama show --parameters`",
    Trouble.APIS: "Ollama: a newer version",
}


def advice(case: Advice) -> str:
    """The option that helps; empty where none is known."""
    return _HELPS.get(case.trouble, "")
