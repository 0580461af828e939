"""Ollama: a GGUF file put into a store of its own and served by `ollama serve` (tried against a stand-in only)."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from onbox.engines.launch import Launch
from onbox.engines.ollama.facts import FACTS
from onbox.engines.ollama.log import LOG
from onbox.engines.openai_models import first_model
from onbox.engines.sequence_limit import slots_of
from onbox.errors import BoxError, UsageError
from onbox.schema.recipe import Recipe, Tools
from onbox.user_folders import cache_folder
from onbox.wire.client import StampedClient

HOST_SCRIPT = Path(__file__).with_name("ollama_host.py")


class Ollama:
    """Ollama's server, with one model, under the recipe's name."""

    name = "ollama"
    metrics_path: str | None = None
    facts = FACTS

    def launch(self, recipe: Recipe, weights: Path, port: int) -> Launch:
        wanted = {
            "container": recipe.container is not None,
            "serve.arguments": bool(recipe.serve.arguments),
            "serve.chat_template": bool(recipe.serve.chat_template),
            "serve.threads": recipe.serve.threads is not None,
            "tools": recipe.tools != Tools(),
            "vision": recipe.vision is not None,
        }
        for field, is_asked in wanted.items():
            if is_asked:
                raise UsageError(f"{recipe.name}: {field}: not known for ollama", "engine: llama-server")
        name = recipe.serve.executable or "ollama"
        program = shutil.which(name)
        if program is None:
            raise BoxError(f"engine ollama: {name}: not on this box", "install Ollama, or name it in serve.executable")
        config = {"program": program, "weights": str(weights), "model": self._model(recipe), "port": port}
        environment = {
            "OLLAMA_HOST": f"127.0.0.1:{port}",
            "OLLAMA_MODELS": str(cache_folder() / "ollama"),
            "OLLAMA_NUM_PARALLEL": str(slots_of(recipe)),
            "OLLAMA_KEEP_ALIVE": "-1",
        }
        if recipe.serve.context_tokens:
            environment["OLLAMA_CONTEXT_LENGTH"] = str(recipe.serve.context_tokens)
        return Launch(
            argv=(sys.executable, "-I", "-S", str(HOST_SCRIPT), json.dumps(config)),
            environment={**environment, **recipe.serve.environment},
            log=LOG,
            stop_hint="is the file a GGUF that this Ollama knows, and does it fit in memory?",
        )

    @staticmethod
    def _model(recipe: Recipe) -> str:
        """The name in requests; Ollama takes lower case only."""
        name = recipe.model or recipe.name
        if name != name.lower():
            raise UsageError(f"{recipe.name}: model: {name}: Ollama takes lower case only", f"model: {name.lower()}")
        return name

    def version(self) -> str | None:
        return None

    def ready(self, client: StampedClient) -> bool:
        """The model is loaded: `/api/ps` lists it."""
        return bool((client.get_json("/api/ps") or {}).get("models"))

    def idle(self, metrics_text: str) -> dict[str, float]:
        """Ollama has no counters."""
        return {}

    def props(self, client: StampedClient) -> dict[str, Any]:
        """The model's name and the server's version."""
        version = (client.get_json("/api/version") or {}).get("version")
        return {**first_model(client), "version": f"ollama {version}" if isinstance(version, str) else None}
