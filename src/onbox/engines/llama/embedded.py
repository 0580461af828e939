"""llama.cpp's server as the xllamacpp wheel brings it: the engine that comes with onbox."""

import importlib.util
import json
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from onbox.engines import Launch
from onbox.engines.llama.log import LOG
from onbox.engines.llama.server import LlamaServer
from onbox.engines.sequence_limit import context_of_all, slots_of
from onbox.errors import BoxError, UsageError, install_extra
from onbox.schema.recipe import Recipe, Tools

HOST_SCRIPT = Path(__file__).with_name("llama_host.py")


class LlamaEmbedded(LlamaServer):
    """The embedded engine, in a process of its own."""

    name = "llama-embedded"

    def launch(self, recipe: Recipe, weights: Path, port: int) -> Launch:
        if importlib.util.find_spec("xllamacpp") is None:
            raise BoxError("engine llama-embedded: not installed", install_extra("embedded"))
        _refuse_what_it_has_not(recipe)
        config: dict[str, Any] = {
            "model": str(weights),
            "alias": recipe.model or recipe.name,
            "port": port,
            "context_tokens": context_of_all(recipe) or 0,
            "slots": slots_of(recipe),
            "threads": recipe.serve.threads or len(os.sched_getaffinity(0)),
        }
        if recipe.serve.chat_template:
            config["chat_template"] = recipe.serve.chat_template
        if recipe.vision and not recipe.vision.enabled:
            config["no_mmproj"] = True
        elif recipe.vision and recipe.vision.projector and recipe.vision.projector.path:
            config["mmproj"] = recipe.vision.projector.path
        return Launch(
            argv=(sys.executable, "-I", str(HOST_SCRIPT), json.dumps(config)),
            log=LOG,
            stop_hint="is the file a GGUF that this llama.cpp knows, and does it fit in memory?",
            environment=recipe.serve.environment,
            version=self.version(),
        )

    def version(self) -> str | None:
        try:
            return f"xllamacpp {version('xllamacpp')}"
        except PackageNotFoundError:
            return None


def _refuse_what_it_has_not(recipe: Recipe) -> None:
    """A setting without effect would be believed."""
    wanted = {
        "container": recipe.container is not None,
        "serve.executable": bool(recipe.serve.executable),
        "serve.arguments": bool(recipe.serve.arguments),
        "tools": recipe.tools != Tools(),
    }
    for field, is_asked in wanted.items():
        if is_asked:
            raise UsageError(f"{recipe.name}: {field}: the embedded engine has no such setting", "engine: llama-server")
