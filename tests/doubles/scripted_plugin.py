"""The scripted engine as one that onbox starts itself, registered as a third party would: by an entry point."""

import shlex
import sys
from pathlib import Path

from onbox.engines import Launch
from onbox.engines.llama.server import LlamaServer
from onbox.engines.log_lines import BackendLine, Landmark, LogLines
from onbox.schema.recipe import Recipe

OPTIONS = "SCRIPTED_OPTIONS"
"""The variable, in a recipe's `serve.environment`, with the options of the scripted engine."""


class Scripted(LlamaServer):
    """Starts `tests.doubles.scripted_engine`."""

    name = "scripted"

    def launch(self, recipe: Recipe, weights: Path, port: int) -> Launch:
        options = shlex.split(recipe.serve.environment.get(OPTIONS, ""))
        return Launch(
            argv=(sys.executable, "-m", "tests.doubles.scripted_engine", "--port", str(port), *options),
            log=LogLines(
                landmarks=(Landmark("load", "loading model"), Landmark("ready", "model loaded")),
                backends=(BackendLine("device", r"using device: (?P<backend>\w+)"),),
            ),
            stop_hint="is the script in order?",
            environment=recipe.serve.environment,
        )

    def version(self) -> str | None:
        return "scripted 1"


def register(folder: Path) -> None:
    """Write what pip would install, so that onbox finds the engine when `folder` is on PYTHONPATH."""
    info = folder / "onbox_scripted-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: onbox-scripted\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[onbox.engines]\nscripted = tests.doubles.scripted_plugin:Scripted\n")
