"""llama.cpp: the command line, the build, what it refuses."""

import importlib.util
import json
import os
from pathlib import Path

import pytest

from onbox.engines.known import known
from onbox.engines.llama.embedded import LlamaEmbedded
from onbox.engines.llama.native import LlamaCpp, build_of
from onbox.errors import BoxError, UsageError
from onbox.schema.recipe import Recipe, Serve, Tools, Weights
from onbox.schema.recipe.container import Container
from tests.unit.engines.recipes import RECIPE


class TestEmbedded:
    def test_the_command_line_holds_the_recipe(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
        serve = Serve(context_tokens=4096, threads=3, chat_template="{{ x }}", environment={"A": "b"})
        launch = LlamaEmbedded().launch(RECIPE.model_copy(update={"serve": serve}), Path("/w/m.gguf"), 8123)
        assert launch.environment == {"A": "b"}
        assert Path(launch.argv[2]).is_file()
        assert json.loads(launch.argv[3]) == {
            "model": "/w/m.gguf",
            "alias": "m",
            "port": 8123,
            "context_tokens": 4096,
            "slots": 1,
            "threads": 3,
            "chat_template": "{{ x }}",
        }

    def test_threads_are_those_that_it_may_use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(before)})
        try:
            config = json.loads(LlamaEmbedded().launch(RECIPE, Path("m"), 1).argv[3])
        finally:
            os.sched_setaffinity(0, before)
        assert config["threads"] == 1

    def test_the_models_own_template_is_left_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
        config = json.loads(LlamaEmbedded().launch(RECIPE, Path("m"), 1).argv[3])
        assert "chat_template" not in config
        assert config["threads"] >= 1

    def test_not_installed_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(BoxError, match="not installed") as caught:
            LlamaEmbedded().launch(RECIPE, Path("m"), 1)
        assert "onbox[embedded]" in caught.value.next_step


class TestLlamaServer:
    RECIPE = Recipe(name="m", engine="llama-server", weights=Weights(path="m.gguf"), serve=Serve(threads=3))

    @pytest.fixture
    def program(self, tmp_path: Path) -> Path:
        """A `llama-server` that tells its version as the real one does."""
        path = tmp_path / "llama-server"
        path.write_text("#!/bin/sh\necho 'version: 11549 (abcdef)' >&2\n")
        path.chmod(0o755)
        return path

    @pytest.mark.parametrize(
        ("message", "build"),
        [
            ("version: 11549 (abcdef)", "b11549"),
            ("version: 0.6.0-dev (build 11434, commit 7e4c0a9)", "b11434"),
            ("version: 0.6.0-dev (build 0, commit unknown)", None),
            ("version: 0.1.0-dev (build 1, commit 7e4c0a9)", None),
        ],
    )
    def test_the_build_as_old_and_new_ones_tell_it(self, program: Path, message: str, build: str | None) -> None:
        program.write_text(f"#!/bin/sh\necho '{message}' >&2\n")
        assert build_of(str(program)) == build

    def test_the_command_line_and_the_build(self, program: Path) -> None:
        serve = self.RECIPE.serve.model_copy(update={"executable": str(program), "arguments": {"flash-attn": "on"}})
        engine = LlamaCpp()
        launch = engine.launch(self.RECIPE.model_copy(update={"serve": serve}), Path("/w/m.gguf"), 8123)
        assert launch.argv == (
            *(str(program), "--model", "/w/m.gguf", "--alias", "m", "--host", "127.0.0.1", "--port", "8123"),
            *(
                "--ctx-size",
                "8192",
                "--parallel",
                "1",
                "--threads",
                "3",
                "--verbosity",
                "4",
                "--metrics",
                "--props",
                "--slots",
                "--jinja",
            ),
            *("--offline", "--flash-attn", "on"),
        )
        assert (launch.version, engine.version()) == ("b11549", "llama.cpp b11549")

    def test_all_that_onbox_adds_is_known_to_the_build(self, program: Path) -> None:
        serve = self.RECIPE.serve.model_copy(update={"executable": str(program)})
        launch = LlamaCpp().launch(self.RECIPE.model_copy(update={"serve": serve}), Path("m"), 1)
        options = [word.removeprefix("--") for word in launch.argv if word.startswith("--")]
        assert all(known("llama-server", "b11549").option(option) for option in options)

    def test_a_gguf_in_parts_is_mounted_with_its_folder(self, tmp_path: Path) -> None:
        first = tmp_path / "m-00001-of-00003.gguf"
        first.touch()
        container = Container(image="org/llama:1", network="host")
        recipe = self.RECIPE.model_copy(update={"launcher": "docker", "container": container})
        launch = LlamaCpp().launch(recipe, first, 8123)
        assert f"{tmp_path}:/onbox/weights:ro" in launch.argv
        assert "/onbox/weights/m-00001-of-00003.gguf" in launch.argv
        assert launch.argv[launch.argv.index("--host") + 1] == "127.0.0.1"

    def test_a_parser_of_calls_is_refused(self) -> None:
        with pytest.raises(UsageError, match=r"tools\.call_parser: llama.cpp derives"):
            LlamaCpp().launch(self.RECIPE.model_copy(update={"tools": Tools(call_parser="x")}), Path("m"), 1)


def test_the_embedded_engine_refuses_what_it_has_not() -> None:
    serve = Serve(arguments={"flash-attn": "on"})
    with pytest.raises(UsageError, match=r"m: serve\.arguments: the embedded engine has no such setting"):
        LlamaEmbedded().launch(RECIPE.model_copy(update={"serve": serve}), Path("m"), 1)
