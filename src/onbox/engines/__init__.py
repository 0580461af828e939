"""The software that serves, one module each behind one protocol.

An engine's module knows its command line, its log, its counters and its endpoints. It starts nothing: `onbox.launch`
does.
"""

import importlib
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from onbox.engines.launch import Launch
from onbox.engines.log_lines import LogLines
from onbox.errors import UsageError

if TYPE_CHECKING:  # the watcher reads log tables, and must stay small
    from onbox.recipes.schema import Recipe
    from onbox.wire.client import StampedClient

__all__ = ["Engine", "Launch", "engine_by_name", "engine_names", "log_lines"]


class Engine(Protocol):
    """One kind of server."""

    name: str
    metrics_path: str | None
    """Where Prometheus counters are, counted from the root; None when it has none."""

    def launch(self, recipe: "Recipe", weights: Path, port: int) -> Launch:
        """How to serve `weights` by `recipe` on 127.0.0.1:`port`; nothing is started.

        Args:
            weights: the file or folder on this box, as `onbox.fetch` brought it.

        Raises:
            BoxError: the engine is not installed; the message says what to install.
            UsageError: the recipe asks for what this engine does not have.
        """
        ...

    def version(self) -> str | None:
        """The version that the last `launch` would start; None when only a running server could tell."""
        ...

    def ready(self, client: "StampedClient") -> bool:
        """Whether the server says that it is ready; the caller still asks it for a token."""
        ...

    def idle(self, metrics_text: str) -> dict[str, float]:
        """What runs and waits by a scrape, and what was made (`..._total`), by name; empty when it does not say."""
        ...

    def props(self, client: "StampedClient") -> dict[str, Any]:
        """What the running server says of itself, in a form fit for evidence."""
        ...


_BUILTIN = {
    "attached": "onbox.engines.openai.attached:Attached",
    "llama-embedded": "onbox.engines.llama.embedded:LlamaEmbedded",
    "llama-server": "onbox.engines.llama.native:LlamaCpp",
    "ollama": "onbox.engines.ollama.engine:Ollama",
    "sglang": "onbox.engines.sglang.engine:Sglang",
    "vllm": "onbox.engines.vllm.engine:Vllm",
}

_LOGS = {
    "llama-embedded": "onbox.engines.llama.log",
    "llama-server": "onbox.engines.llama.log",
    "ollama": "onbox.engines.ollama.engine",
    "sglang": "onbox.engines.sglang.log",
    "vllm": "onbox.engines.vllm.log",
}


def engine_by_name(name: str) -> Engine:
    """The engine registered under `name`, here or by an installed package's entry point `onbox.engines`.

    Raises:
        UsageError: there is none.
    """
    if name in _BUILTIN:
        module, _, attribute = _BUILTIN[name].partition(":")
        engine: Engine = getattr(importlib.import_module(module), attribute)()
        return engine
    for entry in entry_points(group="onbox.engines", name=name):
        plugin: Engine = entry.load()()
        return plugin
    raise UsageError(f"engine: {name}: no such engine", f"one of {', '.join(engine_names())}")


def engine_names() -> list[str]:
    """All engines, those of installed packages too."""
    return sorted({*_BUILTIN, *(entry.name for entry in entry_points(group="onbox.engines"))})


def log_lines(name: str, version: str | None = None) -> LogLines:
    """What is known of the log of the engine `name`; nothing for one that onbox has no table of."""
    if name not in _LOGS:
        return LogLines()
    known: LogLines = importlib.import_module(_LOGS[name]).LOG
    return known.of_version(version)
