"""Room for as many sequences as are asked for."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from onbox.engines import engine_by_name
from onbox.engines.llama.embedded import LlamaEmbedded
from onbox.engines.sequence_limit import reported_slots
from onbox.errors import UsageError
from onbox.schema.recipe import Recipe, Serve, Weights
from onbox.schema.recipe.container import Container
from tests.unit.engines.recipes import RECIPE


class TestRoom:
    """Several sequences at a time: each engine is told in its own words, and keeps the context of each."""

    def launched(self, name: str, **serve: Any) -> list[str]:
        recipe = Recipe(
            name="m",
            engine=name,
            engine_version="1",
            launcher="docker",
            container=Container(image="org/engine:1", network="host"),
            weights=Weights(path="m"),
            serve=Serve(sequences=3, **serve),
        )
        return list(engine_by_name(name).launch(recipe, Path("/w/m"), 8123).argv)

    def test_llama_cpp_divides_its_context_among_slots(self, monkeypatch: pytest.MonkeyPatch) -> None:
        words = self.launched("llama-server", context_tokens=4096)
        assert words[words.index("--ctx-size") + 1] == str(3 * 4096)
        assert words[words.index("--parallel") + 1] == "3"
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
        serve = Serve(context_tokens=4096, sequences=3)
        result = json.loads(LlamaEmbedded().launch(RECIPE.model_copy(update={"serve": serve}), Path("m"), 1).argv[3])
        assert (result["context_tokens"], result["slots"]) == (3 * 4096, 3)

    def test_a_context_that_is_not_reported_can_not_be_multiplied(self) -> None:
        with pytest.raises(UsageError, match=r"m: serve\.context_tokens: left out, and 3 sequences at a time share it"):
            self.launched("llama-server", context_tokens=None)

    @pytest.mark.parametrize(("name", "option"), [("vllm", "max-num-seqs"), ("sglang", "max-running-requests")])
    def test_others_are_not_configured_but_may_not_have_less_room(self, name: str, option: str) -> None:
        assert f"--{option}" not in self.launched(name)
        self.launched(name, arguments={option: 3})
        for spelling in (option, option.replace("-", "_")):
            with pytest.raises(UsageError, match=f"m: serve.arguments: {option} 2: 3 sequences at a time"):
                self.launched(name, arguments={spelling: 2})

    @pytest.mark.parametrize(
        ("props", "slots"),
        [
            ({"total_slots": 4}, 4),
            ({"max_running_requests": 48, "total_slots": None}, 48),
            ({"total_slots": "4"}, None),
            ({}, None),
        ],
    )
    def test_what_a_running_engine_says(self, props: dict[str, object], slots: int | None) -> None:
        assert reported_slots(props) == slots
