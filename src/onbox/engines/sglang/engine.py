"""SGLang: installed by pip or in a container (facts of 0.5.23 from its source; never run by this project)."""

import shutil
from pathlib import Path
from typing import Any

from onbox.engines import installed, launchers, option_words
from onbox.engines.launch import Launch
from onbox.engines.openai_models import first_model
from onbox.engines.scrape import idle_signs
from onbox.engines.sequence_limit import check_room
from onbox.engines.sglang.facts import FACTS
from onbox.engines.sglang.log import LOG
from onbox.engines.template_file import template_path
from onbox.errors import BoxError, UsageError
from onbox.schema.recipe import ArgumentValue, Recipe
from onbox.wire.client import StampedClient

STOP_HINT = "does the model fit into memory, and does this version know every option?"
KEPT = (
    *("version", "max_total_num_tokens", "max_running_requests"),
    *("attention_backend", "moe_runner_backend", "kv_cache_dtype"),
)
"""What of `/server_info` goes into evidence."""


class Sglang:
    """SGLang's OpenAI-compatible server."""

    name = "sglang"
    metrics_path: str | None = "/metrics"
    facts = FACTS

    def __init__(self) -> None:
        self._version: str | None = None

    def launch(self, recipe: Recipe, weights: Path, port: int) -> Launch:
        if recipe.vision is not None:
            raise UsageError(f"{recipe.name}: vision: not known for sglang", "set it in serve.arguments")
        check_room(recipe, "max-running-requests")
        where, arguments = launchers.with_named_files(recipe, launchers.place(recipe, weights))
        own: dict[str, ArgumentValue | None] = {
            "model-path": where.weights,
            "host": where.host,
            "port": port,
            "served-model-name": recipe.model or recipe.name,
            "context-length": recipe.serve.context_tokens,
            "tool-call-parser": recipe.tools.call_parser or None,
            "reasoning-parser": recipe.tools.reasoning_parser or None,
            "enable-metrics": True,
        }
        if recipe.serve.chat_template:
            where, own["chat-template"] = where.file(template_path(recipe), "chat-template.jinja")
        program = self._program(recipe)
        command = [program, "serve"] if Path(program).name == "sglang" else [program, "-m", "sglang.launch_server"]
        command += option_words.words(option_words.merged(own, arguments, recipe.name))
        self._version = recipe.engine_version or installed.version_in_environment(command[0], "sglang")
        return launchers.launch(recipe, command, where, port, log=LOG, stop_hint=STOP_HINT, version=self._version)

    def _program(self, recipe: Recipe) -> str:
        """The Python that has SGLang, or SGLang's own program."""
        name = recipe.serve.executable or "python3"
        if recipe.container is not None:
            return name
        found = shutil.which(name)
        if found is None or installed.version_in_environment(found, "sglang") is None:
            if installed.absent_here(name):
                return name
            raise BoxError(
                f"engine sglang: {name} has no sglang",
                "pip install sglang in an environment of its own, and name its bin/python in serve.executable",
            )
        return found

    def version(self) -> str | None:
        return f"sglang {self._version}" if self._version else None

    def ready(self, client: StampedClient) -> bool:
        """`/health_generate` makes a real token; `/v1/models` answers before it is ready (gpustack#6203)."""
        return client.get("/health_generate").status == 200

    def idle(self, metrics_text: str) -> dict[str, float]:
        """Requests that run and wait, and tokens made."""
        return idle_signs(metrics_text, FACTS.profile)

    def props(self, client: StampedClient) -> dict[str, Any]:
        """The model, and what the server tells of its own settings."""
        info = client.get_json("/server_info") or client.get_json("/get_server_info") or {}
        return {**first_model(client), **{key: info.get(key) for key in KEPT}}
