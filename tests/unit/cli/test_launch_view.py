"""What `--print` shows: the command on stdout, the doubts on stderr, and nothing is started."""

import json
import shlex
from pathlib import Path

import psutil
import pytest
import yaml

from onbox import recipes
from onbox.cli.commands.up import print_launch
from onbox.cli.ui.launch_view import show_checks
from onbox.errors import UsageError
from onbox.recipes import Recipe
from onbox.recipes.sparkrun import is_sparkrun
from onbox.schema.checks import Check, Status
from tests.unit.weights.checkpoints import write_gguf

SPARKRUN = Path(__file__).parents[2] / "data" / "sparkrun" / "openai-gpt-oss-120b-vllm.yaml"


def test_the_command_alone_is_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    before = {each.pid for each in psutil.Process().children(recursive=True)}
    print_launch(recipes.find("gpt-oss-120b-spark-eager"))
    out, err = capsys.readouterr()
    words = shlex.split(out.replace("\\\n", " "))
    assert words[:2] == ["docker", "run"]
    assert {"--enforce-eager", "--mxfp4-backend"} <= set(words)
    assert "launch.pinned: image sparkarena/spark-vllm-docker:mxfp4: no digest" in " ".join(err.split())
    assert {each.pid for each in psutil.Process().children(recursive=True)} == before


def test_json_has_the_keys_of_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    print_launch(recipes.find("smollm2-135m"), as_json=True)
    result = json.loads(capsys.readouterr().out)
    assert {"name", "url", "phases", "backend", "state", "command", "checks"} <= set(result)
    assert result["state"] == "printed"


def test_a_sparkrun_file_is_a_recipe_and_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    print_launch(recipes.find(str(SPARKRUN)), form="sparkrun")
    result = yaml.safe_load(capsys.readouterr().out)
    assert is_sparkrun(result)
    assert result["defaults"] == yaml.safe_load(SPARKRUN.read_text())["defaults"]
    print_launch(recipes.find(str(SPARKRUN)), form="onbox")
    ours = yaml.safe_load(capsys.readouterr().out)
    assert Recipe.model_validate(ours) == recipes.load(str(SPARKRUN))


def test_a_gguf_file_is_a_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metadata = {"general.architecture": "llama", "llama.block_count": 1, "llama.embedding_length": 64,
                "llama.attention.head_count": 2}  # fmt: skip
    path = tmp_path / "m.gguf"
    write_gguf(path, metadata, {"blk.0.ffn_up.weight": ("Q8_0", (64, 64))})
    print_launch(recipes.find(str(path)))
    assert str(path) in capsys.readouterr().out


def test_no_such_recipe_names_those_that_are() -> None:
    with pytest.raises(UsageError, match="nothing: no such recipe") as caught:
        recipes.find("nothing")
    assert "gpt-oss-120b-spark" in caught.value.next_step


def test_doubts_come_first_and_passes_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    show_checks(
        (
            Check("a", Status.PASS, 1, None, "", "fine"),
            Check("b", Status.WARN, "[odd] value", None, "", "odd", "do this"),
            Check("c", Status.FAIL, 5.0, 6.0, "bytes", "five of six"),
        )
    )
    lines = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert lines == ["fail  c: five of six", "warn  b: [odd] value. odd", "do this", "1 of 3 checks passed"]
