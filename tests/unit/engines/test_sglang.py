"""SGLang: its command."""

from pathlib import Path

import pytest

from onbox.engines.sglang.engine import Sglang
from onbox.errors import BoxError
from onbox.schema.recipe import Recipe, Serve, Tools, Weights
from onbox.schema.recipe.container import Container


class TestSglang:
    def test_the_command_of_a_container(self, tmp_path: Path) -> None:
        recipe = Recipe(
            name="m",
            engine="sglang",
            engine_version="0.5.23",
            launcher="docker",
            container=Container(image="lmsysorg/sglang:v0.5.23", gpus="all", network="host"),
            weights=Weights(path="m"),
            tools=Tools(reasoning_parser="gpt-oss"),
            serve=Serve(context_tokens=None, arguments={"mem-fraction-static": 0.7}),
        )
        launch = Sglang().launch(recipe, tmp_path / "w", 8123)
        assert launch.argv[launch.argv.index(launch.image or "") + 1 :] == (
            *("python3", "-m", "sglang.launch_server", "--model-path", "/onbox/weights/w", "--host", "127.0.0.1"),
            *("--port", "8123", "--served-model-name", "m", "--reasoning-parser", "gpt-oss", "--enable-metrics"),
            *("--mem-fraction-static", "0.7"),
        )

    def test_not_installed_says_what_to_install(self) -> None:
        recipe = Recipe(name="m", engine="sglang", weights=Weights(path="m"))
        with pytest.raises(BoxError, match="engine sglang: python3 has no sglang"):
            Sglang().launch(recipe, Path("m"), 1)
