"""Published models as true headers, and the rows of `docs/accuracy.md`.

`tests/data/weights/published.json` holds each model's configuration and the names and shapes of its tensors, as the
model code of transformers 5.19 makes them on torch's meta device, and the elements that its own cache held after a
pass over eight tokens. `PYTHONPATH=. .venv/bin/python -m tests.unit.weights.published` prints the rows.
"""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onbox import weights
from onbox.weights import Facts
from tests.unit.weights.checkpoints import Shapes, write_model

DATA = Path(__file__).parents[2] / "data" / "weights" / "published.json"
DEFAULTS = "defaults"
"""The configuration class of transformers has these dimensions as its defaults."""
DIMENSIONS = "dimensions"
"""Dimensions as the makers published them; the parameter count is the check that they are those."""


@dataclass(frozen=True)
class Published:
    """What the makers say, in billions; `kv_bytes` where they say what a token keeps in 16 bits."""

    total: float
    active: float | None
    config: str
    source: str
    kv_bytes: int | None = None


KV_PAPER = "arXiv 2505.09343, table 1, for the KV cache"
MODELS: dict[str, Published] = {
    "gpt-oss-120b": Published(116.83, 5.13, DEFAULTS, "model card, arXiv 2508.10925"),
    "gpt-oss-20b": Published(20.91, 3.61, DIMENSIONS, "model card, arXiv 2508.10925"),
    "Llama-2-7B": Published(6.74, None, DEFAULTS, "model page"),
    "Llama-3.1-8B": Published(8.03, None, DIMENSIONS, "model page"),
    "Llama-3.1-70B": Published(70.6, None, DIMENSIONS, "model page"),
    "Llama-3.1-405B": Published(405, None, DIMENSIONS, f"model card; {KV_PAPER}", 516_096),
    "Llama-3.2-1B": Published(1.23, None, DIMENSIONS, "model card"),
    "Llama-4-Scout-17B-16E (text)": Published(109, 17, DEFAULTS, "model card, with its vision tower"),
    "Mistral-7B-v0.1": Published(7.24, None, DEFAULTS, "model page"),
    "Mistral-Nemo-12B": Published(12.2, None, DIMENSIONS, "model page"),
    "Mistral-Small-24B-2501": Published(23.6, None, DIMENSIONS, "model page"),
    "Mixtral-8x7B": Published(46.7, 12.9, DEFAULTS, "makers' announcement"),
    "Qwen2.5-7B": Published(7.61, None, DIMENSIONS, "model card"),
    "Qwen2.5-72B": Published(72.7, None, DIMENSIONS, f"model card; {KV_PAPER}", 327_680),
    "Qwen3-8B": Published(8.2, None, DIMENSIONS, "model card"),
    "Qwen3-32B": Published(32.8, None, DIMENSIONS, "model card"),
    "Qwen3-30B-A3B": Published(30.5, 3.3, DIMENSIONS, "model card"),
    "Qwen3-235B-A22B": Published(235, 22, DIMENSIONS, "model card"),
    "Qwen3-Next-80B-A3B": Published(80, 3, DEFAULTS, "model card, rounded"),
    "Gemma-2-2B": Published(2.61, None, DEFAULTS, "model page"),
    "Gemma-2-9B": Published(9.24, None, DIMENSIONS, "model page"),
    "Gemma-3-27B (text)": Published(27, None, DIMENSIONS, "model card, rounded"),
    "Gemma-3-1B": Published(1.0, None, DIMENSIONS, "model card"),
    "Phi-3-mini-4k": Published(3.82, None, DIMENSIONS, "model page"),
    "Phi-4-14B": Published(14.7, None, DIMENSIONS, "model page"),
    "Phi-3.5-MoE": Published(41.9, 6.6, DEFAULTS, "model card"),
    "StarCoder2-3B": Published(3.03, None, DEFAULTS, "model page"),
    "Falcon-7B": Published(7, None, DEFAULTS, "model card, rounded"),
    "SmolLM3-3B": Published(3.08, None, DEFAULTS, "model page"),
    "DeepSeek-V3 (without MTP)": Published(671, 37, DEFAULTS, f"arXiv 2412.19437; {KV_PAPER}", 70_272),
    "DeepSeek-V3.2 (without MTP)": Published(671, 37, DEFAULTS, "as V3"),
    "GLM-5 (without MTP)": Published(744, 40, DEFAULTS, "model card"),
    "Jamba-v0.1": Published(52, 12, DEFAULTS, "model card, rounded"),
    "ERNIE-4.5-21B-A3B": Published(21, 3, DEFAULTS, "model card, rounded"),
    "Solar-Open-100B": Published(102.6, 12, DEFAULTS, "model card"),
    "Command-R7B": Published(8.03, None, DIMENSIONS, "model page"),
    "GPT-2": Published(0.124, None, DEFAULTS, "model page"),
    "Mamba-2.8B": Published(2.8, None, DIMENSIONS, "model card, rounded"),
}


def stored() -> dict[str, Any]:
    """Configuration, tensors and cache of every model."""
    found = json.loads(DATA.read_bytes())
    assert isinstance(found, dict)
    return found


def shapes_of(tensors: list[Any]) -> Shapes:
    """Unfold the listing: one entry for a run of layers."""
    shapes: Shapes = {}
    for name, dtype, shape, runs in tensors:
        numbers = [number for first, last in runs for number in range(first, last + 1)] if runs else [None]
        for number in numbers:
            full = name if number is None else name.replace("{}", str(number), 1)
            shapes[full] = (dtype, tuple(shape))
    return shapes


def facts_of(model: dict[str, Any], folder: Path) -> Facts:
    """Read the model's headers as onbox reads any."""
    return weights.read(write_model(folder, shapes_of(model["tensors"]), model["config"]))


def row(name: str, facts: Facts, cache: list[Any] | None) -> str:
    """One row of the table, in bytes for 16 bits."""
    figures = MODELS[name]
    witness = "none" if cache is None else f"{2 * cache[0]:,}"
    published = f"{figures.total:g} B" + (f", {figures.active:g} B" if figures.active else "")
    return (
        f"| {name} | {facts.parameters_total / 1e9:.2f} B, {facts.parameters_active / 1e9:.2f} B | {published} "
        f"| {facts.as_dict()['kv_bytes_per_token']:,} | {witness} | {_mb(facts, 4096)} | {_mb(facts, 131072)} "
        f"| {facts.cache.state_bytes / 1e6:.1f} | {figures.config}; {figures.source} |"
    )


def _mb(facts: Facts, depth: int) -> str:
    return f"{facts.cache.read_bytes(depth) / 1e6:,.1f}"


def main() -> None:
    for name, model in stored().items():
        with tempfile.TemporaryDirectory() as folder:
            print(row(name, facts_of(model, Path(folder)), model["cache"]))


if __name__ == "__main__":
    main()
