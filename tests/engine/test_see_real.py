"""`onbox see` on real engines: each cause that can be had without a trained vision model, and what mends it."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from onbox import recipes
from onbox.app.see import see_model
from onbox.fetch import pinned
from onbox.judge.results import SightResult
from onbox.schema.sight import SightReason
from tests.doubles import tiny_vision
from tests.doubles.projector import write_projector
from tests.parts import VLLM_MODEL, VLLM_PYTHON

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

    def sight_of(self, place: Path, name: str, fix: bool = False, **more: object) -> SightResult:
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
        sight = self.sight_of(place, "text", fix=True)
        assert (sight.sees, sight.reason, sight.advice) == (False, SightReason.NO_TOWER, "")
        assert "image input is not supported" in sight.detail
        assert (self.fixed, self.unfixed) == (None, "a text model: no option makes it see")

    def test_a_projector_that_does_not_fit_is_none(self, place: Path) -> None:
        write_projector(place / "m" / "mmproj-other.gguf", 2 * WIDTH)
        sight = self.sight_of(place, "unfit")
        assert sight.reason is SightReason.NO_TOWER
        assert "has width 1792, and the model 896" in sight.detail

    def test_a_projector_beside_is_named_given_and_then_ignored(self, place: Path) -> None:
        projector = place / "m" / "mmproj-random.gguf"
        write_projector(projector, WIDTH)
        sight = self.sight_of(place, "beside", fix=True)
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
        sight = self.sight_of(place, "off", fix=True, vision={"enabled": False})
        assert sight.reason is SightReason.HIDDEN_BY_FLAG
        assert "vision.enabled: false (recipe)" in sight.detail
        assert self.fixed is not None
        changed = recipes.load(str(self.fixed)).vision
        assert changed is not None
        assert changed.enabled


NO_SLOT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for p in m['content'] %}{{ p['text'] }}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny-vision")
    script = Path(tiny_vision.__file__)
    settings = {**os.environ, "HF_HUB_OFFLINE": "1"}
    subprocess.run([VLLM_PYTHON, script, folder, VLLM_MODEL], check=True, env=settings, capture_output=True)
    return folder


@pytest.mark.vllm
@pytest.mark.slow
@pytest.mark.timeout(900)
class TestVllm:
    """vLLM on the processor with a tiny vision model of random weights."""

    def recipe(self, place: Path, model: Path, name: str, serve: dict[str, object]) -> Path:
        serve = {
            "context_tokens": 2048,
            "executable": str(VLLM_PYTHON.with_name("vllm")),
            "environment": {"VLLM_CPU_KVCACHE_SPACE": "1"},
            **serve,
        }
        path = place / f"{name}.yaml"
        path.write_text(
            yaml.safe_dump({"name": name, "engine": "vllm", "weights": {"path": str(model)}, "serve": serve})
        )
        return path

    def test_the_flag_that_hides_the_tower_and_the_recipe_without_it(self, tmp_path: Path, model: Path) -> None:
        arguments = {"dtype": "bfloat16", "enforce-eager": True, "language-model-only": True}
        path = self.recipe(tmp_path, model, "hidden", {"arguments": arguments})
        hidden = see_model(str(path), tries=2, tokens=16, fix=True, out=tmp_path / "hidden")
        assert (hidden.sight.sees, hidden.sight.reason) == (False, SightReason.HIDDEN_BY_FLAG)
        assert "At most 0 image(s) may be provided in one prompt" in hidden.sight.detail
        assert "--language-model-only (recipe); the weights hold a vision tower" in hidden.sight.detail
        assert re.fullmatch(r"vLLM 0\.32\.0\S*: start it without --language-model-only", hidden.sight.advice)
        assert hidden.fixed is not None
        assert hidden.fixed.changes == ("serve.arguments: without language-model-only",)
        fixed = see_model(str(hidden.fixed.path), tries=2, tokens=16, out=tmp_path / "fixed").sight
        # Random weights take pictures and understand nothing, of words neither: that is no blindness.
        assert (fixed.sees, fixed.reason) == (None, SightReason.UNKNOWN)
        assert "tokens of the prompt, and none of 2 pictures is read" in fixed.detail
        assert "makes no sense without one either" in fixed.detail

    def test_a_template_without_a_place_for_a_picture(self, tmp_path: Path, model: Path) -> None:
        arguments = {"dtype": "bfloat16", "enforce-eager": True}
        path = self.recipe(tmp_path, model, "no-slot", {"arguments": arguments, "chat_template": NO_SLOT})
        sight = see_model(str(path), tries=2, tokens=16, out=tmp_path / "no-slot").sight
        assert (sight.sees, sight.reason) == (False, SightReason.NO_IMAGE_SLOT)
        assert "--chat-template FILE" in sight.advice
