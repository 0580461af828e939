"""The command of a sparkrun recipe is sparkrun's own, held against sparkrun itself."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from onbox.engines import engine_by_name
from onbox.errors import UsageError
from onbox.recipes.sparkrun import from_sparkrun
from onbox.schema.recipe import Recipe
from tests.parts import SPARKRUN_PYTHON
from tests.unit.recipes.sparkrun.argv import meaning, split_by_bash
from tests.unit.recipes.sparkrun.cases import HAND, generated, text

SEED, GENERATED = 15, 300


def sparkruns_own(recipes: list[dict[str, Any]]) -> list[str | None]:
    oracle = Path(__file__).with_name("oracle.py")
    given = json.dumps([text(each) for each in recipes])
    done = subprocess.run([SPARKRUN_PYTHON, oracle], input=given, capture_output=True, text=True, check=True)
    found: list[str | None] = json.loads(done.stdout)
    return found


def ours(data: dict[str, Any]) -> tuple[Recipe, list[str]]:
    """The recipe, and the words that the engine gets in its container, or here where it names none."""
    recipe = from_sparkrun({**data, "container": data.get("container") or "org/any:1"}, where="r.yaml", stem="r")
    launch = engine_by_name(recipe.engine).launch(recipe, Path("/weights"), 8000)
    assert launch.image is not None
    at = launch.argv.index(launch.image)
    return recipe, [_by_name(word, data["model"], launch.argv[:at]) for word in launch.argv[at + 1 :]]


def _by_name(word: str, model: str, run: Sequence[str]) -> str:
    """A word with the names of repositories in place of the folders that they are let in as."""
    for mount in (run[at + 1] for at, option in enumerate(run) if option == "--volume"):
        host, inside, _ = mount.split(":")
        folder, _, name = host.rpartition("/")
        word = word.replace(inside, name.replace("--", "/") if folder.endswith("/repositories") else model)
    return word


def difference(data: dict[str, Any], command: str, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What each side has that the other has not."""
    recipe, words = ours(data)
    theirs = meaning(split_by_bash(command, folder), recipe.engine)
    if name := data.get("behind"):  # the option that the model stands behind, which is no value of it
        assert theirs[name].pop() == data["model"]
    mine = meaning(words, recipe.engine)
    # A server calls the model by its path unless it is told, and there onbox's is another: it always tells.
    theirs = {"served-model-name": [data["model"]], **theirs}
    if recipe.engine == "sglang":
        theirs["enable-metrics"] = []  # onbox always asks for them
    names = {*theirs, *mine}
    return tuple({n: side[n] for n in names if n in side and theirs.get(n) != mine.get(n)} for side in (theirs, mine))  # type: ignore[return-value]


@pytest.mark.sparkrun
class TestAgainstSparkrun:
    @pytest.fixture(scope="class")
    @classmethod
    def commands(cls) -> dict[str, str | None]:
        return dict(zip(HAND, sparkruns_own(list(HAND.values())), strict=True))

    def test_there_are_enough_and_sparkrun_takes_them(self, commands: dict[str, str | None]) -> None:
        assert len(HAND) >= 60
        assert [name for name, command in commands.items() if command is None] == []

    @pytest.mark.parametrize("name", HAND)
    def test_the_command_is_its_own(self, name: str, commands: dict[str, str | None], tmp_path: Path) -> None:
        command = commands[name]
        assert command is not None
        assert difference(HAND[name], command, tmp_path) == ({}, {})

    def test_mixtures(self, tmp_path: Path) -> None:
        found = list(generated(SEED, GENERATED))
        taken = 0
        for data, command in zip(found, sparkruns_own(found), strict=True):
            try:
                ours(data)
            except UsageError:
                continue
            assert command is not None, data
            assert difference(data, command, tmp_path) == ({}, {}), (data, command)
            taken += 1
        assert taken >= 0.9 * GENERATED, taken
