"""A recipe without what hides the tower: nothing else in it changes, and none is written where nothing is known."""

import sys
from pathlib import Path

import pytest
import yaml

from onbox import recipes
from onbox.app.see import see_model
from onbox.errors import UsageError
from onbox.recipes.unhide import recipe_source, unhidden

TEXT = """\
# why this port: the other one is taken
name: mine
engine: vllm
weights: {path: m}   # on the fast disk
serve:
  port: 8001
  arguments:
    language_model_only: true  # for speed
    max-num-seqs: 4
"""


def test_one_argument_goes_and_all_else_stays() -> None:
    changed = unhidden(TEXT, ["language-model-only"], "", "mine.yaml", None)
    assert changed.text == TEXT.replace("    language_model_only: true  # for speed\n", "")
    assert changed.changes == ("serve.arguments: without language_model_only",)
    assert changed.comments_kept


def test_a_dotted_limit_and_vision_that_is_off_go_together() -> None:
    text = TEXT.replace("language_model_only: true", "limit-mm-per-prompt.image: 0") + "vision:\n  enabled: false\n"
    changed = unhidden(text, ["limit-mm-per-prompt"], "", "mine.yaml", None)
    assert "limit-mm" not in changed.text
    assert "vision" not in changed.text
    assert len(changed.changes) == 2


def test_the_last_argument_takes_its_empty_place_with_it() -> None:
    text = "name: a\nengine: vllm\nweights: {path: m}\nserve: {arguments: {language-model-only: true}}\n"
    assert "serve" not in unhidden(text, ["language-model-only"], "", "a.yaml", None).text


def test_without_ruamel_comments_are_lost_and_that_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
    changed = unhidden(TEXT, ["language-model-only"], "", "mine.yaml", None)
    assert "#" not in changed.text
    assert not changed.comments_kept
    assert "max-num-seqs: 4" in changed.text


def test_what_is_not_in_the_recipe_cannot_be_taken_out() -> None:
    with pytest.raises(UsageError, match="nothing in this recipe keeps pictures away"):
        unhidden(TEXT, ["limit-mm-per-prompt"], "", "mine.yaml", None)


def test_a_recipe_of_sparkrun_is_left_alone() -> None:
    text = "model: org/M\nruntime: vllm\ncontainer: image:1\ncommand: vllm serve {model} --language-model-only\n"
    with pytest.raises(UsageError, match="sparkrun"):
        unhidden(text, ["language-model-only"], "", "spark.yaml", None)


def test_a_builtin_recipe_can_be_changed_into_a_file_of_ones_own() -> None:
    name = "qwen3.6-35b-a3b-text-vllm"
    text, path = recipe_source(name)
    assert path is None
    changed = unhidden(text, ["limit-mm-per-prompt", "language-model-only"], "", name, None)
    assert recipes.load(name).vision is not None
    assert recipes.parse(yaml.safe_load(changed.text), where="", folder=None).vision is None


@pytest.mark.parametrize(
    ("subject", "to", "message"),
    [
        ("http://127.0.0.1:1/v1", None, "a running server has no recipe"),
        ("model.gguf", None, "this is none"),
        ("mine.yaml", "other/place.yaml", "the recipe's paths start at its own folder"),
        ("mine.yaml", "taken.yaml", "is there already"),
    ],
)
def test_where_it_may_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subject: str, to: str | None, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(TEXT)
    (tmp_path / "taken.yaml").write_text("kept")
    with pytest.raises(UsageError, match=message):
        see_model(subject, fix=True, fix_to=to)
    assert (tmp_path / "taken.yaml").read_text() == "kept"
