"""The software that serves, one module each behind one protocol.

An engine's module knows its command line, its log landmarks, its counters and its endpoints. It starts nothing:
`onbox.standup` does.
"""

import importlib
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from onbox.errors import UsageError
from onbox.recipes.schema import Recipe
from onbox.wire.client import StampedClient


@dataclass(frozen=True)
class Launch:
    """How to start an engine as a process."""

    argv: tuple[str, ...]
    landmarks: tuple[tuple[str, str], ...] = ()
    """(phase, regular expression of the log line that ends it), in order."""
    stop_hint: str = ""
    """What to try when it dies at start."""
    environment: dict[str, str] = field(default_factory=dict)


class Engine(Protocol):
    """One kind of server."""

    name: str
    metrics_path: str | None
    """Where Prometheus counters are, counted from the root; None when it has none."""

    def launch(self, recipe: Recipe, weights: Path, port: int) -> Launch:
        """The process that serves `weights` by `recipe` on 127.0.0.1:`port`.

        Raises:
            BoxError: the engine is not installed; the message says what to install.
        """
        ...

    def version(self) -> str | None:
        """The version that `launch` would start; None when only a running server could tell."""
        ...

    def ready(self, client: StampedClient) -> bool:
        """Whether the server says that it is ready; the caller still asks it for a token."""
        ...

    def idle(self, metrics_text: str) -> dict[str, float]:
        """What runs and waits by a scrape, and what was made (`..._total`), by name; empty when it does not say."""
        ...

    def props(self, client: StampedClient) -> dict[str, Any]:
        """What the running server says of itself, in a form fit for evidence."""
        ...


_BUILTIN = {
    "llama-embedded": "onbox.engines.llama_embedded:LlamaEmbedded",
    "attached": "onbox.engines.attached:Attached",
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
    known = sorted({*_BUILTIN, *(entry.name for entry in entry_points(group="onbox.engines"))})
    raise UsageError(f"engine: {name}: no such engine", f"one of {', '.join(known)}")
