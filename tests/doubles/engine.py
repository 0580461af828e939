"""An engine for tests: a real process with a real port, which does what the test wants."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onbox.engines import Launch
from onbox.engines.log_lines import Landmark, LogLines
from onbox.engines.openai.attached import AttachedServer
from onbox.schema.recipe import Recipe
from onbox.wire.client import StampedClient

SCRIPT = Path(__file__).with_name("engine_process.py")


@dataclass
class FakeEngine(AttachedServer):
    """Starts `engine_process.py` with the given options, or any other command."""

    options: dict[str, Any] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    name: str = "fake"

    def launch(self, recipe: Recipe, weights: Path, port: int) -> Launch:
        script = (sys.executable, "-I", "-S", str(SCRIPT), json.dumps({"port": port, **self.options}))
        return Launch(
            argv=self.command or script,
            log=LogLines(landmarks=(Landmark("load", r"loading"), Landmark("ready", r"loaded$"))),
            stop_hint="look at the fake.",
            environment=recipe.serve.environment,
        )

    def version(self) -> str | None:
        return "fake 1"

    def ready(self, client: StampedClient) -> bool:
        return client.get("/health").status == 200
