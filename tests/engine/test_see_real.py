"""`onbox see` on real engines: each cause that can be had without a trained vision model, and what mends it."""

import os
from pathlib import Path

import pytest
import yaml

from onbox import recipes
from onbox.app.see import see_model
from onbox.fetch import pinned
from onbox.judge.results import SightResult
from onbox.schema.sight import SightReason
from tests.doubles.projector import write_projector

WIDTH = 896
"""Of Qwen2.5-Coder-0.5B."""


@pytest.mark.engine
@pytest.mark.slow
class TestLlama:
    """The embedded llama.cpp with a text model, and a random projector that fits it."""

    @pytest.fixture
    def place(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A folder with the model in it, by a link to the file, and nothing beside it."""
        monkeypatch.chdir(tmp_path)
        weights = recipes.load("qwen2.5-coder-0.5b").weights
        assert weights is not None
        model, _ = pinned.fetch(weights, lambda done, total, source: None)
        (tmp_path / "m").mkdir()
        os.link(model, tmp_path / "m" / "qwen.gguf")
        return tmp_path

    def seen(self, place: Path, name: str, fix: bool = False, **more: object) -> SightResult:
        recipe = {
            "name": name,
            "engine": "llama-embedded",
            "weights": {"path": "m/qwen.gguf"},
            "serve": {"context_tokens": 4096, "threads": 1},
            **more,
        }
        path = place / f"{name}.yaml"
        path.write_text(f"# kept\n{yaml.safe_dump(recipe)}")
        result = see_model(str(path), tries=2, fix=fix, out=place / f"out-{name}")
        self.fixed = result.fixed.path if result.fixed else None
        self.unfixed = result.unfixed
        return result.sight

    def test_a_text_model_has_no_tower_and_gets_no_flag(self, place: Path) -> None:
        sight = self.seen(place, "text", fix=True)
        assert (sight.sees, sight.reason, sight.advice) == (False, SightReason.NO_TOWER, "")
        assert "image input is not supported" in sight.detail
        assert (self.fixed, self.unfixed) == (None, "a text model: no option gives it eyes")

    def test_a_projector_that_does_not_fit_is_none(self, place: Path) -> None:
        write_projector(place / "m" / "mmproj-other.gguf", 2 * WIDTH)
        sight = self.seen(place, "unfit")
        assert sight.reason is SightReason.NO_TOWER
        assert "has width 1792, and the model 896" in sight.detail

    def test_a_projector_beside_is_named_given_and_then_ignored(self, place: Path) -> None:
        projector = place / "m" / "mmproj-random.gguf"
        write_projector(projector, WIDTH)
        sight = self.seen(place, "beside", fix=True)
        assert sight.reason is SightReason.NO_PROJECTOR_GIVEN
        assert sight.advice.endswith(f"--mmproj {projector}")
        assert self.fixed == place / "beside-sees.yaml"
        assert "# kept" in self.fixed.read_text()
        again = see_model(str(self.fixed), tries=2, out=place / "again").sight
        assert (again.sees, again.reason) == (False, SightReason.IGNORED)
        # Its tokens are in the prompt; its meaning is not.
        assert "tokens of the prompt, and none of 2 pictures is read" in again.detail
        assert {trial.control for trial in again.trials} == {"", "blank", "text only"}

    def test_a_recipe_that_switches_it_off_is_the_one_to_change(self, place: Path) -> None:
        write_projector(place / "m" / "mmproj-random.gguf", WIDTH)
        sight = self.seen(place, "off", fix=True, vision={"enabled": False})
        assert sight.reason is SightReason.HIDDEN_BY_FLAG
        assert "vision.enabled: false (recipe)" in sight.detail
        assert self.fixed is not None
        changed = recipes.load(str(self.fixed)).vision
        assert changed is not None
        assert changed.enabled
