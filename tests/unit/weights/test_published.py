"""The accuracy table: published models, read from their headers, against what their makers and transformers say."""

from pathlib import Path

import pytest

from tests.unit.weights.published import MODELS, facts_of, row, stored

PAGE = Path(__file__).parents[3] / "docs" / "accuracy.md"
STORED = stored()


@pytest.mark.parametrize("name", MODELS)
def test_a_published_model(name: str, tmp_path: Path) -> None:
    model, figures = STORED[name], MODELS[name]
    facts = facts_of(model, tmp_path)
    assert not facts.all_unknown
    rounded = 0.05 if "rounded" in figures.source else 0.015
    assert facts.parameters_total / 1e9 == pytest.approx(figures.total, rel=rounded)
    if figures.active is not None:  # makers count the embedding table in, or not, and round
        assert facts.parameters_active / 1e9 == pytest.approx(figures.active, rel=0.2)
    kept = facts.as_dict()["kv_bytes_per_token"]
    if figures.kv_bytes is not None:
        assert kept == figures.kv_bytes
    if name == "DeepSeek-V3.2 (without MTP)" or name.startswith("GLM-5"):  # transformers counts indexer keys apart
        kept -= facts.layers * 132
    full, windows, _ = model["cache"]
    assert kept == 2 * full
    elements: dict[str, int] = {}
    for layer in facts.cache.layers:
        for entry in layer.entries:
            if entry.window or entry.chunk:
                key = str(entry.window or entry.chunk)
                elements[key] = elements.get(key, 0) + entry.elements
    assert elements == windows
    assert row(name, facts, model["cache"]) in PAGE.read_text(encoding="utf-8")


def test_the_table_has_thirty_models_and_no_other_rows() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and " B, " in line]
    assert len(rows) == len(MODELS) == len(STORED) >= 30
