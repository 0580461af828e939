"""sparkrun's recipes: read, written again without loss, and what has no effect is said."""

import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from onbox import recipes
from onbox.engines import engine_by_name
from onbox.engines.option_words import merged, words
from onbox.engines.variables import filled, missing
from onbox.errors import UsageError
from onbox.recipes.sparkrun import files_of_mods, from_sparkrun, is_sparkrun, mods, nodes, notes
from onbox.recipes.sparkrun_command import options_of
from onbox.recipes.sparkrun_write import to_sparkrun
from onbox.schema.recipe import Recipe

DATA = Path(__file__).parents[2] / "data" / "sparkrun"
PUBLISHED = sorted(DATA.glob("*.yaml"))


def published(name: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((DATA / f"{name}.yaml").read_text())
    return data


def read(data: dict[str, Any]) -> Recipe:
    return from_sparkrun(data, where="r.yaml", stem="r")


def meaning(data: dict[str, Any]) -> dict[str, Any]:
    """The options of a command with their values, whatever their order and their short names."""
    return {each.name: each.value for each in options_of(data, "vllm", "")[1]}


class TestPublished:
    @pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
    def test_nothing_is_lost_on_the_round_trip(self, path: Path) -> None:
        before = yaml.safe_load(path.read_text())
        recipe = recipes.load(str(path))
        after = yaml.safe_load(yaml.safe_dump(to_sparkrun(recipe)))
        assert meaning(after) == meaning(before)
        assert after["defaults"] == before["defaults"]
        assert {**after, "command": ""} == {**before, "command": ""}
        again = read(after)
        assert again.model_copy(update={"name": recipe.name, "sparkrun": recipe.sparkrun}) == recipe

    def test_the_example_means_what_it_says(self) -> None:
        recipe = recipes.load(str(DATA / "openai-gpt-oss-120b-vllm.yaml"))
        assert (recipe.name, recipe.engine, recipe.launcher) == ("openai-gpt-oss-120b-vllm", "vllm", "docker")
        assert recipe.container is not None
        assert recipe.container.reference == "sparkarena/spark-vllm-docker:mxfp4"
        assert recipe.weights is not None
        assert recipe.weights.repository is not None
        assert recipe.weights.repository.source == "hf:openai/gpt-oss-120b"
        assert (recipe.tools.call_parser, recipe.tools.reasoning_parser) == ("openai", "openai_gptoss")
        assert recipe.serve.context_tokens is None
        assert recipe.serve.port == 8000
        assert recipe.serve.environment == {"VLLM_USE_FLASHINFER_MOE_MXFP4_MXFP8": "1"}
        assert recipe.serve.arguments == {
            "tensor-parallel-size": 1,
            "gpu-memory-utilization": 0.7,
            "enable-prefix-caching": True,
            "load-format": "fastsafetensors",
            "quantization": "mxfp4",
            "mxfp4-backend": "CUTLASS",
            "mxfp4-layers": "moe,qkv,o,lm_head",
            "attention-backend": "FLASHINFER",
            "kv-cache-dtype": "fp8",
            "max-num-batched-tokens": 8192,
        }

    def test_speculation_and_short_names(self) -> None:
        recipe = recipes.load(str(DATA / "qwen3.6-35b-a3b-fp8-mtp-vllm.yaml"))
        assert recipe.serve.context_tokens == 262144
        assert recipe.serve.arguments["speculative-config"] == '{"method": "mtp", "num_speculative_tokens": 2}'
        assert recipe.serve.arguments["tensor-parallel-size"] == 1
        command = to_sparkrun(recipe)["command"]
        assert "--speculative-config '{speculative_config}'" in command
        assert "--chat-template unsloth.jinja" in command

    def test_what_has_no_effect_is_reported(self) -> None:
        result = notes(recipes.load(str(DATA / "qwen3.6-35b-a3b-fp8-mtp-vllm.yaml")))
        assert result == ["host: onbox serves on 127.0.0.1 only"]
        changed = mods(recipes.load(str(DATA / "qwen3.6-35b-a3b-fp8-mtp-vllm.yaml")))
        assert changed == ["mods/fix-qwen3-coder-next", "mods/fix-qwen3.5-chat-template"]
        recipe = recipes.load(str(DATA / "nemotron-3-super-nvfp4-vllm.yaml"))
        assert nodes(recipe) == 2


class TestNewerOptions:
    """vLLM 0.32's parser takes an optimisation level without a space, and keys of JSON behind a point as they are."""

    def test_a_key_behind_a_point_keeps_its_name_to_the_command(self) -> None:
        data = {**published("openai-gpt-oss-120b-vllm"),
                "command": "vllm serve {model} --compilation_config.cudagraph_mode FULL --port {port}"}  # fmt: skip
        arguments = read(data).serve.arguments
        assert arguments == {"compilation-config.cudagraph_mode": "FULL"}
        assert words(merged({}, arguments, "r")) == ["--compilation-config.cudagraph_mode", "FULL"]

    @pytest.mark.parametrize("written", ["-O3", "-O 3", "-O=3"])
    def test_the_level_of_optimisation(self, written: str) -> None:
        data = {**published("openai-gpt-oss-120b-vllm"), "command": f"vllm serve {{model}} {written} --port {{port}}"}
        assert read(data).serve.arguments == {"optimization-level": 3}


class TestRead:
    def test_only_version_2_is_sparkruns(self) -> None:
        assert is_sparkrun(published("nemotron-3-super-nvfp4-vllm"))
        assert not is_sparkrun({"recipe_version": 1, "engine": "vllm"})
        assert not is_sparkrun("2")

    def test_unknown_keys_are_kept_and_named(self) -> None:
        data = {**published("openai-gpt-oss-120b-vllm"), "colour": {"red": [1, 2]}}
        recipe = read(data)
        assert to_sparkrun(recipe)["colour"] == {"red": [1, 2]}
        assert notes(recipe)[0] == "colour: not a key of sparkrun 0.4.2; kept for export"

    def test_without_a_command_the_defaults_are_the_options(self) -> None:
        data = published("openai-gpt-oss-120b-vllm")
        del data["command"]
        data["defaults"] |= {"enable_prefix_caching": True, "trust_remote_code": False}
        recipe = read(data)
        assert recipe.serve.arguments == {
            "tensor-parallel-size": 1,
            "gpu-memory-utilization": 0.7,
            "max-num-batched-tokens": 8192,
            "load-format": "fastsafetensors",
            "kv-cache-dtype": "fp8",
            "enable-prefix-caching": True,
            "tool-call-parser": "openai",
        }
        assert recipe.tools.reasoning_parser == "openai_gptoss"
        after = to_sparkrun(recipe)
        assert "command" not in after
        assert after["defaults"] == data["defaults"]

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"runtime": "atlas"}, "runtime: atlas: onbox has no such engine"),
            ({"model": None}, "model: is missing"),
            ({"command": "vllm serve {model} && echo x"}, "command: &&: more than one program"),
            ({"command": "python x.py"}, "command: begins with python x.py"),
            ({"command": "vllm serve {model} --seed {seed}"}, r"seed: \{seed\}: a placeholder without a value"),
            ({"command": "vllm serve {model} 'x"}, "command: no closing quotation"),
            ({"command": "vllm serve {model} stray"}, "command: stray: not an option"),
            ({"env": {"A": "{launch.model_path}"}}, r"env.A: \{launch.model_path\}: a placeholder"),
            ({"env": [1]}, "env: not a mapping"),
            ({"metadata": {"onbox": {"url": "http://x"}}}, "metadata.onbox: url: no such field here"),
        ],
    )
    def test_what_onbox_cannot_do_is_named(self, change: dict[str, Any], named: str) -> None:
        with pytest.raises(UsageError, match=f"^r.yaml: {named}"):
            read({**published("openai-gpt-oss-120b-vllm"), **change})


OWN: dict[str, Any] = {
    "name": "own",
    "description": "one of our own",
    "engine": "vllm",
    "engine_version": "0.33.0",
    "launcher": "podman",
    "container": {"image": "org/vllm:1", "digest": f"sha256:{'b' * 64}", "gpus": "all", "shm_bytes": 1024},
    "model": "served",
    "weights": {"repository": {"repo": "org/model", "revision": "abc", "bytes": 5, "licence": "MIT"}},
    "tools": {"call_parser": "hermes"},
    "vision": {"enabled": False},
    "expect": {"backends": {"moe": "CUTLASS"}, "loaded_bytes": 7},
    "warm_up": {"requests": 2},
    "sampling": {"temperature": 0.5},
    "serve": {"context_tokens": 4096, "port": 8001, "environment": {"A": "1"},
              "arguments": {"enforce-eager": True, "tensor-parallel-size": 1, "speculative-config": '{"k": 1}'}},
}  # fmt: skip


ODD: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("a{}'-/ \\\n", max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("port", "host", "a", "onbox")), inner),
    max_leaves=4,
)


class TestOdd:
    @settings(deadline=None)
    @given(st.dictionaries(st.sampled_from(("model", "container", "defaults", "env", "command", "metadata")), ODD))
    def test_no_file_whatever_raises_anything_but_a_line_for_the_user(self, data: dict[str, Any]) -> None:
        whole = {**published("openai-gpt-oss-120b-vllm"), **data}
        with suppress(UsageError):
            to_sparkrun(from_sparkrun(whole, where="r", stem="r"))


class TestSglang:
    def test_its_names_are_its_own(self) -> None:
        data = {
            "recipe_version": "2",
            "model": "org/m",
            "runtime": "sglang",
            "defaults": {"port": 30000, "tensor_parallel": 1, "max_model_len": 4096, "gpu_memory_utilization": 0.7},
        }
        recipe = read(data)
        assert (recipe.engine, recipe.serve.context_tokens, recipe.serve.port) == ("sglang", 4096, 30000)
        assert recipe.serve.arguments == {"tp-size": 1, "mem-fraction-static": 0.7}
        assert to_sparkrun(recipe) == data

    @pytest.mark.parametrize("program", ["sglang serve", "python3 -m sglang.launch_server"])
    def test_both_ways_to_start_it(self, program: str) -> None:
        data = {
            "recipe_version": "2",
            "model": "org/m",
            "runtime": "sglang",
            "defaults": {"port": 1},
            "command": f"{program} --model-path {{model}} --port {{port}}",
        }
        assert str(to_sparkrun(read(data))["command"]).startswith(f"{program} --model-path {{model}}")


class TestWrite:
    def test_a_recipe_of_ours_comes_back_whole(self) -> None:
        recipe = Recipe.model_validate(OWN)
        after = yaml.safe_load(yaml.safe_dump(to_sparkrun(recipe)))
        assert after["container"] == f"org/vllm:1@sha256:{'b' * 64}"
        assert (after["name"], after["model_revision"], after["defaults"]["port"]) == ("own", "abc", 8001)
        assert "--enforce-eager" in shlex.split(after["command"].replace("\\\n", " "))
        assert set(after["metadata"]) == {"description", "onbox"}
        assert read(after).model_copy(update={"sparkrun": {}}) == recipe

    def test_a_changed_argument_is_written_where_it_stood(self) -> None:
        recipe = read(published("openai-gpt-oss-120b-vllm"))
        arguments = {**recipe.serve.arguments, "gpu-memory-utilization": 0.6, "enforce-eager": True}
        del arguments["enable-prefix-caching"]
        serve = recipe.serve.model_copy(update={"arguments": arguments})
        after = to_sparkrun(recipe.model_copy(update={"serve": serve}))
        assert after["defaults"]["gpu_memory_utilization"] == 0.6
        assert "--enforce-eager" in after["command"]
        assert "--enable-prefix-caching" not in after["command"]

    def test_what_sparkrun_cannot_do_is_named(self) -> None:
        with pytest.raises(UsageError, match="engine llama-embedded: sparkrun has no such runtime"):
            to_sparkrun(recipes.load("smollm2-135m"))
        with pytest.raises(UsageError, match="weights: sparkrun wants a repository"):
            to_sparkrun(Recipe.model_validate({"name": "x", "engine": "vllm", "weights": {"path": "x"}}))


class TestForms:
    """What says that a file is sparkrun's, and what is said of it."""

    @pytest.mark.parametrize(
        ("data", "is_theirs"),
        [
            ({"recipe_version": "3", "model": "org/m", "runtime": "vllm"}, True),
            ({"recipe_version": "1", "model": "org/m", "command": "vllm serve {model}"}, True),
            ({"model": "org/m", "defaults": {}}, True),
            ({"recipe_version": 1, "name": "x", "engine": "vllm", "model": "m"}, False),
            ({"model": "m", "weights": {"path": "x"}, "defaults": {}}, False),
            ({"name": "x"}, False),
            (["runtime"], False),
            ({"recipe_version": "1", "name": "x", "container": "vllm-node", "command": "vllm serve org/m"}, True),
        ],
    )
    def test_a_file_is_known_by_what_it_says(self, data: Any, is_theirs: bool) -> None:
        assert is_sparkrun(data) is is_theirs

    def test_a_version_1_recipe_is_printed(self, tmp_path: Path) -> None:
        path = tmp_path / "m.yaml"
        data = {"recipe_version": "1", "name": "Some Model", "model": "org/m", "container": "vllm-node",
                "defaults": {"port": 8000, "t": 2}, "build_args": ["--exp"], "cluster_only": True,
                "command": "vllm serve {model} --port {port} -tp {t} --hf-overrides '{{\"a\": 1}}'"}  # fmt: skip
        path.write_text(yaml.safe_dump(data))
        recipe = recipes.load(str(path))
        assert recipe.name == "Some-Model"
        assert recipe.serve.arguments == {"tensor-parallel-size": 2, "hf-overrides": '{"a": 1}'}
        assert nodes(recipe) == 2

    def test_the_model_may_stand_in_the_command_alone(self) -> None:
        data = {"recipe_version": "1", "name": "x", "container": "vllm-node", "command": "vllm serve org/m -tp 2"}
        recipe = read(data)
        assert recipe.weights is not None
        assert recipe.weights.repository is not None
        assert (recipe.weights.repository.repo, recipe.serve.arguments) == ("org/m", {"tensor-parallel-size": 2})

    @pytest.mark.parametrize(
        ("command", "arguments"),
        [
            ("vllm serve --seed 1 {model}", {"seed": 1}),
            ("vllm serve --enforce-eager {model} --seed 1", {"seed": 1, "enforce-eager": True}),
            ("vllm serve --model {model} --seed 1", {"seed": 1}),
        ],
    )
    def test_the_model_may_stand_behind_options(self, command: str, arguments: dict[str, Any]) -> None:
        assert read({"model": "org/m", "command": command}).serve.arguments == arguments

    def test_broken_json_is_reported(self) -> None:
        result = notes(read({"model": "org/m", "command": """vllm serve {model} --hf-overrides '{"a": {{"b": 1}}'"""}))
        assert result == ['hf-overrides: not JSON after rendering: {"a": {"b": 1}']

    def test_a_length_that_the_engine_finds_itself(self) -> None:
        recipe = read({"model": "org/m", "runtime": "vllm", "defaults": {"max_model_len": "auto"}})
        assert (recipe.serve.context_tokens, recipe.serve.arguments) == (None, {"max-model-len": "auto"})
        assert read({"model": "org/m", "defaults": {"max_model_len": "32K"}}).serve.context_tokens == 32768

    @pytest.mark.parametrize(
        ("command", "named"),
        [
            ("vllm serve {model}\n  --seed 1", "a line break without a backslash"),
            ("vllm serve {model} --download-dir $HOME/x", r"\$HOME: only a shell fills it"),
            ('vllm serve {model} --api-key "${KEY}"', r"\$\{KEY\}: only a shell fills it"),
            ("vllm serve {model} --hf-overrides {a:1,b:2}", "bash takes braces without quotes apart"),
            ("vllm serve other/model", "serves other/model, where the recipe's model is org/m"),
            ("vllm serve {model} | tee log", r"\|: more than one program"),
        ],
    )
    def test_what_only_a_shell_does_is_refused(self, command: str, named: str) -> None:
        with pytest.raises(UsageError, match=named):
            read({"model": "org/m", "command": command})

    @pytest.mark.parametrize("key", ["include", "overrides"])
    def test_layers_are_refused(self, key: str) -> None:
        with pytest.raises(UsageError, match=f"{key}: only sparkrun puts such layers together"):
            read({"model": "org/m", "runtime": "vllm", key: ["x"]})


WITH_A_TOKEN: dict[str, Any] = {
        "model": "org/m", "runtime": "vllm", "container": "org/vllm:1",
        "env": {"HF_TOKEN": "${HF_TOKEN}", "A": "1", "JSON": '{"model": 1}'},
}  # fmt: skip


class TestVariablesByName:
    def test_the_value_is_in_no_command_and_no_recipe(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_TOKEN", "secret-word")
        recipe = read(WITH_A_TOKEN)
        assert recipe.serve.environment == {"HF_TOKEN": "${HF_TOKEN}", "A": "1", "JSON": '{"model": 1}'}
        launch = engine_by_name("vllm").launch(recipe, Path("/w"), 8000)
        lines = [launch.argv[at + 1] for at, word in enumerate(launch.argv) if word == "--env"]
        assert "HF_TOKEN" in lines
        assert "A=1" in lines
        assert launch.environment == {"HF_TOKEN": "${HF_TOKEN}"}
        assert 'HF_TOKEN="${HF_TOKEN}"' in launch.shown()
        assert "secret-word" not in launch.shown() + recipe.model_dump_json() + str(to_sparkrun(recipe))
        assert filled(launch.environment) == {"HF_TOKEN": "secret-word"}

    def test_one_that_is_not_set_is_named(self) -> None:
        named = {"A": "${ONE}", "B": "${TWO:-x}", "C": "x${ONE}", "D": "$THREE"}
        assert missing(named, {}) == ["ONE"]
        assert filled(named, {"ONE": "1"}) == {"A": "1", "B": "x", "C": "x1", "D": "$THREE"}


class TestMods:
    def test_a_file_that_only_a_mod_brings_is_named(self) -> None:
        data = published("qwen3.6-35b-a3b-fp8-mtp-vllm")
        assert files_of_mods(read(data)) == ["unsloth.jinja"]
        data["command"] = data["command"].replace("--chat-template unsloth.jinja", "")
        assert files_of_mods(read(data)) == []
