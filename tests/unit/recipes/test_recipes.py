"""Recipes: those that come with onbox, those that people write, and what is wrong with them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tools.recipe_schema import PAGE

from onbox import recipes
from onbox.engines import engine_by_name
from onbox.engines.known import known
from onbox.errors import UsageError
from onbox.evidence.records import ContenderPlan, Role
from onbox.recipes import Recipe, Serve, Weights
from onbox.recipes.pins import unpinned
from onbox.recipes.yaml_text import recipe_yaml
from onbox.schema.recipe.name import slug

DATA = Path(__file__).parents[2] / "data"
PARTS: dict[str, Any] = {"packages": ["m-part1"], "version": "1.0", "member": "*.bin"}
PINNED: dict[str, Any] = {
    "file": "m.gguf",
    "bytes": 5,
    "sha256": "0" * 64,
    "parts": PARTS,
}


def minimal(**more: Any) -> dict[str, Any]:
    return {"name": "m", "engine": "llama-embedded", "weights": {"path": "m.gguf"}, **more}


class TestBuiltin:
    def test_all_load_and_say_what_is_not_pinned(self) -> None:
        assert set(recipes.EMBEDDED_PAIR) <= set(recipes.builtin_names())
        for name in recipes.builtin_names():
            recipe = recipes.load(name)
            assert recipe.name == name
            assert recipe.description
            assert recipe.weights is not None
            source = recipe.weights.repository
            assert source.licence if source else recipe.weights.licence, name
            assert bool(unpinned(recipe)) == (source is not None), name
            assert source or len(recipe.weights.sha256) == 64

    def test_an_image_by_its_tag_is_not_pinned(self) -> None:
        assert unpinned(recipes.load("gpt-oss-120b-spark")) == (
            "image sparkarena/spark-vllm-docker:mxfp4: no digest",
            "weights hf:openai/gpt-oss-120b: no commit",
        )

    def test_the_two_of_the_spark_differ_in_eagerness_alone(self) -> None:
        compiled, eager = (recipes.load(f"gpt-oss-120b-spark{tail}") for tail in ("", "-eager"))
        names = {"name", "description"}
        one, other = compiled.model_dump(exclude=names), eager.model_dump(exclude=names)
        assert other["serve"]["arguments"].pop("enforce-eager") is True
        assert one == other

    def test_the_one_of_the_spark_has_the_flags_of_the_published_recipe(self) -> None:
        ours = recipes.load("gpt-oss-120b-spark")
        published = recipes.load(str(DATA / "sparkrun" / "openai-gpt-oss-120b-vllm.yaml"))
        assert (ours.serve.arguments, ours.tools) == (published.serve.arguments, published.tools)
        assert ours.serve.environment == published.serve.environment

    @pytest.mark.parametrize("name", recipes.builtin_names())
    def test_every_option_is_one_that_the_engine_knows(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}")
        recipe = recipes.load(name)
        launch = engine_by_name(recipe.engine).launch(recipe, Path("/w/model"), 8000)
        knows = known(recipe.engine, recipe.engine_version)
        words = launch.argv[launch.argv.index(launch.image) + 1 :] if launch.image else launch.argv
        options = [word.removeprefix("--") for word in words if word.startswith("--")]
        assert [option for option in options if knows.option(option) is not True] == []
        assert [each for each in recipe.serve.environment if knows.variable(each) is False] == []

    def test_the_text_of_a_template_takes_the_place_of_its_name(self) -> None:
        serve = recipes.load("qwen2.5-coder-0.5b").serve
        assert serve.chat_template_name == "fenced-json-tools.jinja"
        assert "{%" in (serve.chat_template or "")


class TestSchema:
    def test_builtin_recipes_name_only_what_it_knows(self) -> None:
        known_fields = json.loads(PAGE.read_text())["properties"]
        for name in recipes.builtin_names():
            assert set(yaml.safe_load(recipe_yaml(recipes.load(name)))) <= set(known_fields)


class TestFile:
    def test_paths_start_at_the_recipe(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "own.jinja").write_text("{{ messages }}")
        text = yaml.safe_dump(minimal(serve={"chat_template": "own.jinja"}))
        (tmp_path / "m.yaml").write_text(text)
        monkeypatch.chdir(tmp_path.parent)
        recipe = recipes.load(f"{tmp_path.name}/m.yaml")
        assert recipe.weights == Weights(path=str(tmp_path / "m.gguf"))
        assert (recipe.serve.chat_template, recipe.serve.chat_template_name) == ("{{ messages }}", "own.jinja")

    @pytest.mark.parametrize(
        ("data", "named"),
        [
            (minimal(nmae="x"), "nmae"),
            ({"engine": "x"}, "name"),
            (minimal(name="../evil"), "name: .*not safe as a folder: write evil"),
            (minimal(name="a/b"), "name: .*write a-b"),
            (minimal(name=""), "name: .*write contender"),
            (minimal(recipe_version=2), "recipe_version"),
            (minimal(weights=None), "recipe: engine llama-embedded needs weights"),
            (minimal(engine="attached"), "recipe: engine attached needs url"),
            (minimal(weights={}), "weights: give either path"),
            (minimal(weights={**PINNED, "sha256": "A" * 64}), "weights.sha256"),
            (minimal(weights={**PINNED, "sha256": "../" * 21 + "x"}), "weights.sha256"),
            (minimal(weights={**PINNED, "file": "../m.gguf"}), "weights.file"),
            (minimal(weights={**PINNED, "bytes": -1}), "weights.bytes"),
            (minimal(weights={**PINNED, "parts": {**PARTS, "packages": []}}), "weights.parts.packages"),
            (minimal(weights={**PINNED, "parts": {**PARTS, "packages": ["-r/x"]}}), r"weights\.parts\.packages\.0"),
            (minimal(weights={**PINNED, "parts": {**PARTS, "version": "1 --pre"}}), r"weights\.parts\.version"),
            (minimal(serve={"port": 99_999}), "serve.port"),
            (minimal(serve={"threads": 0}), "serve.threads"),
            (minimal(serve={"context_tokens": "many"}), "serve.context_tokens"),
            (minimal(serve={"chat_template": "none.jinja"}), "serve.chat_template: none.jinja: no such file"),
            (minimal(serve={"chat_template": "../recipes/names.py"}), "serve.chat_template"),
            ("text", "recipe"),
            (None, "recipe"),
        ],
    )
    def test_a_wrong_field_is_named(self, tmp_path: Path, data: Any, named: str) -> None:
        path = tmp_path / "r.yaml"
        path.write_text(yaml.safe_dump(data))
        with pytest.raises(UsageError, match=rf"r\.yaml: {named}") as caught:
            recipes.load(str(path))
        assert "\n" not in caught.value.message

    def test_what_is_not_yaml_has_file_and_line(self, tmp_path: Path) -> None:
        path = tmp_path / "r.yaml"
        path.write_text("name: x\nengine: [\nserve: 1")
        with pytest.raises(UsageError, match=r"r\.yaml:3: not YAML"):
            recipes.load(str(path))
        path.write_bytes(b"\xff\xfe\x00")
        with pytest.raises(UsageError, match=r"r\.yaml: cannot be read"):
            recipes.load(str(path))
        with pytest.raises(UsageError, match="no such file"):
            recipes.load(str(tmp_path / "none.yaml"))

    def test_a_template_that_is_not_text_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "own.jinja").write_bytes(b"\xff")
        with pytest.raises(UsageError, match=r"serve\.chat_template: own\.jinja: cannot be read"):
            recipes.parse(minimal(serve={"chat_template": "own.jinja"}), where="r", folder=tmp_path)


class TestOf:
    def test_any_gguf(self, tmp_path: Path) -> None:
        path = tmp_path / "My Model (v1).Q4.gguf"
        path.write_bytes(b"GGUF....")
        recipe = recipes.of_gguf(path)
        assert (recipe.name, recipe.engine) == ("My-Model--v1-.Q4", "llama-embedded")
        assert recipe.weights == Weights(path=str(path))

    def test_what_is_no_gguf(self, tmp_path: Path) -> None:
        (tmp_path / "x.gguf").write_bytes(b"<htm")
        with pytest.raises(UsageError, match="not a GGUF file"):
            recipes.of_gguf(tmp_path / "x.gguf")
        with pytest.raises(UsageError, match="no such file"):
            recipes.of_gguf(tmp_path / "none.gguf")

    @pytest.mark.parametrize(
        ("url", "model", "name"),
        [
            ("http://127.0.0.1:8080/v1", None, "127.0.0.1-8080"),
            ("http://box:80/", "org/Model-7B", "org-Model-7B"),
            ("http://[::1]:8080/v1/", None, "1--8080"),
        ],
    )
    def test_a_url(self, url: str, model: str | None, name: str) -> None:
        recipe = recipes.of_url(url, model)
        assert (recipe.name, recipe.engine, recipe.url, recipe.model) == (name, "attached", url, model)

    @given(st.text(max_size=200))
    def test_a_slug_is_a_safe_folder_and_its_own_slug(self, text: str) -> None:
        name = slug(text)
        assert name
        assert len(name) <= 80
        assert "/" not in name
        assert name not in (".", "..")
        assert slug(name) == name
        assert Recipe(name=name, engine="attached", url="http://x").name == name


PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")) | st.just("\n"), max_size=40)


class TestText:
    @given(PRINTABLE, PRINTABLE)
    def test_yaml_of_a_recipe_reads_back(self, template: str, description: str) -> None:
        serve = Serve(chat_template=template, chat_template_name="own.jinja")
        recipe = Recipe(name="m", engine="x", weights=Weights(path="m"), serve=serve, description=description)
        assert Recipe.model_validate(yaml.safe_load(recipe_yaml(recipe))) == recipe

    def test_a_template_is_a_block_and_defaults_are_left_out(self) -> None:
        recipe = recipes.load("qwen2.5-coder-0.5b")
        text = recipe_yaml(recipe).decode()
        assert "chat_template: |" in text
        assert "threads" not in text
        assert Recipe.model_validate(yaml.safe_load(text)) == recipe


class TestFrozen:
    """A plan holds the recipe itself, from the file to the verdict."""

    def test_the_recipe_of_the_file_is_the_one_that_is_judged(self) -> None:
        recipe = recipes.load("gpt-oss-120b-spark")
        plan = ContenderPlan(name="x", role=Role.INCUMBENT, recipe=recipe)
        again = ContenderPlan.model_validate_json(plan.model_dump_json())
        assert again.served == recipe
        assert plan.model_dump(mode="json")["recipe"] == recipe.model_dump(mode="json")
        assert again.served.model_names == ("gpt-oss-120b-spark", "openai/gpt-oss-120b")

    def test_keys_of_another_age_are_left_out(self) -> None:
        odd = {"name": "x", "engine": "e", "of_another_age": [1], "sparkrun": {"model": "other"}}
        odd |= {
            "serve": {"sequences": 2, "older": 1},
            "weights": {"path": "w", "hub": {"repo": "a/b", "file": "c", "d": 1}},
        }
        read = ContenderPlan.model_validate({"name": "x", "role": "incumbent", "recipe": odd}).served
        assert (read.serve.sequences, read.sparkrun, read.model_names) == (
            2,
            {"model": "other"},
            ("x", "w", "a/b", "c"),
        )

    def test_what_is_wrong_in_a_key_that_is_known_is_reported(self) -> None:
        odd = {"name": "x", "engine": "e", "weights": {"path": "w"}, "serve": {"sequences": "many"}}
        with pytest.raises(ValidationError, match="sequences"):
            ContenderPlan.model_validate({"name": "x", "role": "incumbent", "recipe": odd})

    def test_an_imported_contender_has_none(self) -> None:
        plan = ContenderPlan.model_validate({"name": "x", "role": "incumbent", "recipe": {}})
        assert (plan.recipe, plan.without_sense) == (None, False)
        with pytest.raises(UsageError, match="x: the plan has no recipe"):
            _ = plan.served
