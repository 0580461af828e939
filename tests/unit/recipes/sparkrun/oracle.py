"""Run by the Python that has sparkrun: a list of recipes on stdin, the command of each for one node on stdout, as JSON.

A recipe that sparkrun refuses has null for a command.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from sparkrun.core.recipe import Recipe  # type: ignore[import-not-found]
from sparkrun.runtimes.eugr_vllm_ray import EugrVllmRayRuntime  # type: ignore[import-not-found]
from sparkrun.runtimes.sglang import SglangRuntime  # type: ignore[import-not-found]
from sparkrun.runtimes.vllm_distributed import VllmDistributedRuntime  # type: ignore[import-not-found]
from sparkrun.runtimes.vllm_ray import VllmRayRuntime  # type: ignore[import-not-found]

RUNTIMES = {
    "vllm-ray": VllmRayRuntime,
    "vllm-distributed": VllmDistributedRuntime,
    "eugr-vllm": EugrVllmRayRuntime,
    "sglang": SglangRuntime,
}


def command(text: str, folder: Path) -> str | None:
    path = folder / "r.yaml"
    path.write_text(text)
    try:
        recipe = Recipe.load(path)
        recipe.resolve()
        found: Any = RUNTIMES[recipe.runtime]().generate_command(recipe, {}, is_cluster=False, num_nodes=1)
    except Exception:
        return None
    return str(found)


with tempfile.TemporaryDirectory() as name:
    print(json.dumps([command(text, Path(name)) for text in json.load(sys.stdin)]))
