"""The commands box, weights and fit, as a caller sees them."""

import json
from typing import Any

import click
import pytest
from click.testing import CliRunner

from onbox.cli.commands import box, fit, weights
from onbox.errors import UsageError
from tests.unit.weights.checkpoints import gpt_oss, write_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_model(tmp_path_factory.mktemp("gpt-oss-120b"), *gpt_oss(), shards=15))


def call(command: click.Command, *arguments: str) -> str:
    """Standard output of a command that must end well."""
    result = CliRunner().invoke(command, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def json_of(command: click.Command, *arguments: str) -> dict[str, Any]:
    value = json.loads(call(command, *arguments, "--json"))
    assert isinstance(value, dict)
    return value


def test_box_keeps_the_contract() -> None:
    found = json_of(box.command)
    assert {"total_bytes", "available_bytes", "unified"} <= set(found["memory"])
    assert {"read_gb_s", "method", "threads"} <= set(found["bandwidth"])
    assert found["bandwidth"]["read_gb_s"] > 0
    assert isinstance(found["accelerators"], list)
    assert {"id", "status", "observed", "threshold", "unit", "evidence", "hint"} <= set(found["checks"][0])


def test_box_for_people_names_memory_and_bandwidth() -> None:
    text = call(box.command)
    assert "GiB available of" in text
    assert "GB/s best" in text
    assert "reads (" not in call(box.command, "--no-measure")


def test_weights_keep_the_contract(model: str) -> None:
    found = json_of(weights.command, model)
    keys = ("format bytes_total parameters_total parameters_active bytes_per_token kv_bytes_per_token architecture "
            "layers modalities vision_tower")  # fmt: skip
    assert set(keys.split()) <= set(found)
    assert {"total", "experts", "attention", "lm_head", "other"} <= set(found["bytes_per_token"])
    parts = found["bytes_per_token"]
    assert parts["total"] == parts["experts"] + parts["attention"] + parts["lm_head"] + parts["other"]
    assert found == json_of(weights.command, "show", model)


def test_weights_takes_the_option_before_the_source(model: str) -> None:
    assert json.loads(call(weights.command, "--json", model))["format"] == "safetensors"


def test_weights_for_people(model: str) -> None:
    text = call(weights.command, model)
    assert "116.83 B, 5.13 B active per token (top 4 of 128 experts)" in text
    assert "60.77 GiB" in text
    assert "36,864 bytes a token in bf16, 18 layers see 128 tokens" in text


def test_a_folder_is_verified_by_fetch(model: str) -> None:
    found = json_of(weights.command, "fetch", model, "--to", "/nowhere")
    assert (found["bytes_fetched"], found["bytes_skipped"], len(found["files"])) == (0, 0, 15)


def test_fit_keeps_the_contract_and_judges_the_story(model: str) -> None:
    spark = ("--bandwidth", "233", "--nominal", "273")
    found = json_of(fit.command, model, *spark, "--measured", "59.5")
    assert {"ceiling_tok_s", "bytes_per_token", "memory", "plausibility"} <= set(found)
    assert {"weights_bytes", "kv_bytes", "total_bytes", "available_bytes", "fits"} <= set(found["memory"])
    assert found["plausibility"]["verdict"] == "impossible"
    assert {"implied_gb_s", "share_of_ceiling", "verdict"} <= set(found["plausibility"])
    recipe = ("--resident", "moe=mxfp4,qkv=mxfp4,o=mxfp4,lm_head=mxfp4")
    found = json_of(fit.command, model, *spark, *recipe, "--measured", "59.5")
    assert found["plausibility"]["verdict"] == "below_ceiling"
    assert found["ceiling_tok_s"] == pytest.approx(84.8, abs=0.06)


def test_fit_on_this_box_looks_at_it(model: str) -> None:
    found = json_of(fit.command, model)
    assert found["memory"]["available_bytes"] > 0
    assert found["memory"]["fits"] is (found["memory"]["short_bytes"] == 0)
    assert found["ceiling"]["measured_gb_s"] > 0
    assert found["plausibility"] is None


def test_fit_for_people_says_both_ceilings_and_the_verdict(model: str) -> None:
    text = call(fit.command, model, "--bandwidth", "233", "--nominal", "273", "--measured", "59.5")
    assert "nominal 273.0 GB/s" in text
    assert "54.6 tok/s" in text
    assert "impossible if as stored" in text
    assert "below_ceiling if 16-bit parts in mxfp4" in text


@pytest.mark.parametrize(
    "arguments", [("/nowhere",), ("pypi:nothing",), ("hf:nothing",)], ids=["no file", "no version", "no organisation"]
)
def test_a_bad_source_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    for command in (weights.command, fit.command):
        with pytest.raises(UsageError, match=arguments[0]):
            call(command, *arguments)
