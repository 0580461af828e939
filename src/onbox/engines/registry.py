"""The engines that come with onbox, and those that installed packages bring by the entry point `onbox.engines`."""

import importlib
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points

from onbox.engines.base import METRICS_PATH, Engine, EngineFacts
from onbox.engines.log_lines import LogLines
from onbox.errors import UsageError

GROUP = "onbox.engines"

_ENGINES = {
    "attached": "onbox.engines.openai.attached:AttachedServer",
    "llama-embedded": "onbox.engines.llama.embedded:LlamaEmbedded",
    "llama-server": "onbox.engines.llama.native:LlamaCpp",
    "ollama": "onbox.engines.ollama.engine:Ollama",
    "sglang": "onbox.engines.sglang.engine:Sglang",
    "vllm": "onbox.engines.vllm.engine:Vllm",
}
_FACTS = {
    "llama-server": "onbox.engines.llama.facts",
    "llama-embedded": "onbox.engines.llama.facts",
    "vllm": "onbox.engines.vllm.facts",
    "sglang": "onbox.engines.sglang.facts",
    "tensorrt": "onbox.engines.tensorrt.facts",
    "ollama": "onbox.engines.ollama.facts",
    "attached": "onbox.engines.openai.facts",
}
"""In the order in which they are looked for; the watcher need not load what starts an engine."""


def engine_by_name(name: str, *, recipe: str = "") -> Engine:
    """The engine registered under `name`, here or by an installed package's entry point `onbox.engines`.

    Args:
        name: of the engine.
        recipe: that names it, for the message.

    Raises:
        UsageError: there is none.
    """
    if name in _ENGINES:
        module, _, attribute = _ENGINES[name].partition(":")
        engine: Engine = getattr(importlib.import_module(module), attribute)()
        return engine
    for entry in entry_points(group=GROUP, name=name):
        plugin: Engine = entry.load()()
        return plugin
    where = f"{recipe}: " if recipe else ""
    raise UsageError(f"{where}engine: {name}: no such engine", f"one of {', '.join(engine_names())}")


def engine_names() -> list[str]:
    """All engines, those of installed packages too."""
    return sorted({*_ENGINES, *(entry.name for entry in entry_points(group=GROUP))})


def facts_of(name: str) -> EngineFacts:
    """What is known of the engine registered under `name`; next to nothing of one that gives no facts."""
    return _by_name(tuple(sys.path)).get(name) or EngineFacts(name)


def all_facts() -> tuple[EngineFacts, ...]:
    """What is known of every engine, those of installed packages last."""
    return tuple({id(each): each for each in _by_name(tuple(sys.path)).values()}.values())


def facts_by_owner(owned_by: object) -> EngineFacts | None:
    """The engine that says this of itself in `owned_by` of `/v1/models`."""
    return next((each for each in all_facts() if owned_by in each.owned_by), None)


def facts_called(name: str) -> EngineFacts | None:
    """The engine that people call `name`."""
    return next((each for each in all_facts() if each.name == name), None)


def metrics_paths() -> tuple[str, ...]:
    """Where a server may have its counters, the usual place first."""
    return tuple(dict.fromkeys((METRICS_PATH, *(each.metrics_path for each in all_facts()))))


def log_lines(name: str, version: str | None = None) -> LogLines:
    """What is known of the log of the engine `name`; nothing for one that onbox has no table of."""
    return facts_of(name).log.of_version(version)


@cache
def _by_name(path: tuple[str, ...]) -> dict[str, EngineFacts]:
    """Name of an engine -> its facts; the entry points are those of the packages on `path`."""
    found: dict[str, EngineFacts] = {name: importlib.import_module(module).FACTS for name, module in _FACTS.items()}
    for name, facts in _of_plugins():
        found.setdefault(name, facts)
    return found


def _of_plugins() -> Iterator[tuple[str, EngineFacts]]:
    for entry in entry_points(group=GROUP):
        try:
            facts = getattr(entry.load(), "facts", None)
        except Exception:
            continue
        if isinstance(facts, EngineFacts):
            yield entry.name, facts
