"""What is found before a launch: the plan against the reserve, ports, engines, images, options, variables."""

import dataclasses
import os
import socket
from pathlib import Path
from typing import Any

import psutil
import pytest

from onbox import recipes
from onbox.engines.known import known
from onbox.errors import BoxError, UsageError
from onbox.launch import resolve
from onbox.launch.budget import planned
from onbox.launch.containers import ContainerClient, ImageInfo
from onbox.launch.image_match import runs_on
from onbox.launch.running_engines import RunningEngine, is_engine
from onbox.machine_names import machine
from onbox.recipes import Recipe
from onbox.recipes.sparkrun import from_sparkrun
from onbox.schema.checks import Check
from onbox.schema.recipe import Tools
from tests.unit.launch.spark import GIB, SPARK, SPARK_BYTES, box, found


@pytest.fixture
def image(monkeypatch: pytest.MonkeyPatch) -> list[ImageInfo | None]:
    """What the daemon says of any image; change the one element."""
    lines: list[ImageInfo | None] = [ImageInfo("sha256:1", machine(), (), 5, ("12.1a",))]
    monkeypatch.setattr(ContainerClient, "answers", lambda client: True)
    monkeypatch.setattr(ContainerClient, "image", lambda client, reference: lines[0])
    return lines


class TestPlan:
    def test_vllm_takes_its_share_whatever_the_model_needs(self) -> None:
        plan, why = planned(SPARK, None, SPARK_BYTES, on_cpu=False)
        assert plan == round(0.7 * SPARK_BYTES)
        assert why == "gpu-memory-utilization 0.7 of 121.69 GiB"

    def test_weights_that_are_larger_than_the_share_count(self) -> None:
        plan, why = planned(SPARK, None, 60 * GIB, on_cpu=False)
        assert plan == 65_861_000_000 + 4 * GIB
        assert "more than gpu-memory-utilization 0.7 allows" in why

    @pytest.mark.parametrize(
        ("report", "expected"), [(8_589_934_592, 8 * GIB), ("8G", 8 * GIB), ("8.5g", 8_500_000_000), ("x", None)]
    )
    def test_a_pinned_cache_overrules_the_share(self, report: int | str, expected: int | None) -> None:
        arguments = {**SPARK.serve.arguments, "kv-cache-memory-bytes": report}
        recipe = SPARK.model_copy(update={"serve": SPARK.serve.model_copy(update={"arguments": arguments})})
        plan, _ = planned(recipe, None, SPARK_BYTES, on_cpu=False)
        assert plan == (round(0.7 * SPARK_BYTES) if expected is None else 65_861_000_000 + 4 * GIB + expected)

    def test_on_the_processor_the_variable_pins_it(self) -> None:
        recipe = Recipe.model_validate(
            {"name": "m", "engine": "vllm", "weights": {"path": "/none"}, "expect": {"loaded_bytes": GIB},
             "serve": {"environment": {"VLLM_CPU_KVCACHE_SPACE": "2"}}}
        )  # fmt: skip
        assert planned(recipe, None, SPARK_BYTES, on_cpu=True)[0] == 7 * GIB
        assert planned(recipe, None, SPARK_BYTES, on_cpu=False)[0] == round(0.92 * SPARK_BYTES)

    def test_what_nobody_knows_is_unknown(self) -> None:
        assert planned(recipes.load("gpt-oss-20b-llama"), None, SPARK_BYTES, on_cpu=False)[0] is None


class TestMemory:
    def test_a_plan_that_fits_passes_with_the_numbers(self) -> None:
        check = found()["launch.memory"]
        assert (check.status, check.observed, check.threshold) == ("pass", 30 * GIB, 10 * GIB)

    def test_a_reserve_that_a_healthy_server_would_breach_is_refused(self) -> None:
        """The story: utilisation 0.7 leaves 36 GiB, and the watchdog's reserve was larger."""
        healthy = box(reserve_gib=40)
        check = found(budget=healthy)["launch.memory"]
        assert check.status == "fail"
        assert check.hint.startswith("10.00 GiB short: ")
        assert "it will hold 85.00 GiB" in check.evidence
        assert "115.00 GiB are available, of which 40.00 GiB must stay free" in check.evidence

    def test_no_plan_is_unknown_and_not_a_pass(self) -> None:
        assert found(budget=box(plan_gib=None))["launch.memory"].status == "unknown"

    def test_page_cache_counts_on_unified_memory_only(self) -> None:
        assert found()["launch.page_cache"].status == "pass"
        full = found(budget=box(free_gib=2.77))["launch.page_cache"]
        assert full.status == "warn"
        assert "drop_caches" in full.hint
        assert "launch.page_cache" not in found(budget=dataclasses.replace(box(), devices=()))


class TestImage:
    def test_all_is_well(self, image: list[ImageInfo | None]) -> None:
        checks = found()
        assert {checks[name].status for name in ("launch.architecture", "launch.kernels")} == {"pass"}

    def test_one_that_is_not_here_fails_with_the_command(self, image: list[ImageInfo | None]) -> None:
        image[0] = None
        check = found()["launch.image"]
        hint = "onbox image fetch sparkarena/spark-vllm-docker:mxfp4, or container.pull: missing"
        assert (check.status, check.hint) == ("fail", hint)

    def test_one_of_another_architecture_or_chip_fails(self, image: list[ImageInfo | None]) -> None:
        image[0] = ImageInfo("sha256:1", "riscv64", (), 5, ("9.0a", "10.0"))
        checks = found()
        assert checks["launch.architecture"].status == "fail"
        assert checks["launch.kernels"].status == "fail"
        image[0] = ImageInfo("sha256:1", "riscv64", (), 5, None)
        assert found()["launch.kernels"].status == "unknown"

    @pytest.mark.parametrize(("kept", "status"), [("a", "pass"), ("b", "fail"), ("", "unknown")])
    def test_the_digest_is_compared(self, image: list[ImageInfo | None], kept: str, status: str) -> None:
        assert SPARK.container is not None
        pinned = SPARK.container.model_copy(update={"digest": f"sha256:{'a' * 64}"})
        image[0] = ImageInfo("sha256:1", "arm64", (f"sha256:{kept * 64}",) if kept else (), 5, None)
        assert found(SPARK.model_copy(update={"container": pinned}))["launch.digest"].status == status

    def test_no_daemon_is_one_doubt(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ContainerClient, "answers", lambda client: False)
        checks = found()
        assert checks["launch.daemon"].status == "fail"
        assert "launch.image" not in checks

    @pytest.mark.parametrize(
        ("kernels", "chip", "runs"),
        [
            (("12.1a",), "12.1", True),
            (("12.0a",), "12.1", False),
            (("12.0",), "12.1", True),
            (("9.0+PTX",), "12.1", True),
            (("9.0a+PTX",), "12.1", False),
            (("8.0", "9.0", "10.0"), "12.1", False),
            (("12.1",), "12.0", False),
        ],
    )
    def test_kernels(self, kernels: tuple[str, ...], chip: str, runs: bool) -> None:
        assert runs_on(kernels, chip) is runs


class TestKnowledge:
    def test_the_dead_switches_of_the_story(self, image: list[ImageInfo | None]) -> None:
        """The fork's own options and variable, given to a version of vLLM itself."""
        checks = found(SPARK.model_copy(update={"engine_version": "0.32.0"}))
        options, environment = checks["launch.options"], checks["launch.environment"]
        assert (options.status, options.observed) == ("fail", "not known: mxfp4-backend, mxfp4-layers")
        assert environment.status == "warn"
        assert environment.observed == "not known: VLLM_USE_FLASHINFER_MOE_MXFP4_MXFP8"
        assert "expect.backends" in environment.hint

    def test_for_the_fork_they_are_right(self, image: list[ImageInfo | None]) -> None:
        checks = found()
        assert (checks["launch.options"].status, checks["launch.environment"].status) == ("pass", "pass")

    def test_the_published_recipe_is_the_forks_by_its_tag(self, image: list[ImageInfo | None]) -> None:
        path = Path(__file__).parents[2] / "data" / "sparkrun" / "openai-gpt-oss-120b-vllm.yaml"
        checks = found(recipes.load(str(path)))
        assert (checks["launch.options"].status, checks["launch.environment"].status) == ("pass", "pass")
        assert known("vllm", None).option("mxfp4-backend") is None

    def test_a_version_without_a_table_leaves_doubt(self) -> None:
        assert known("vllm", "0.25.1").option("enforce-eager") is True
        assert known("vllm", "0.25.1").option("brand-new") is None
        assert known("vllm", "0.32.0").option("brand-new") is False
        assert known("vllm", "0.33.0").variable("VLLM_USE_FLASHINFER_MOE_MXFP4_BF16") is False
        assert known("vllm", None).variable("VLLM_BRAND_NEW") is None
        assert known("vllm", "0.32.0").variable("PATH") is None
        assert known("of others", "1").option("x") is None

    def test_no_parser_of_calls_is_a_doubt(self, image: list[ImageInfo | None]) -> None:
        assert found()["launch.tools"].status == "pass"
        check = found(SPARK.model_copy(update={"tools": Tools()}))["launch.tools"]
        assert check.status == "warn"
        assert "call_parser" in check.hint

    def test_more_than_one_box_is_refused(self, image: list[ImageInfo | None]) -> None:
        path = Path(__file__).parents[2] / "data" / "sparkrun" / "nemotron-3-super-nvfp4-vllm.yaml"
        check = found(recipes.load(str(path)))["launch.nodes"]
        assert (check.status, check.observed) == ("fail", 2)


class TestPort:
    def test_a_taken_port_names_who_has_it(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            check = found(port=port)["launch.port"]
        assert check.status == "fail"
        assert str(check.observed).startswith(f"{port} is taken by process {os.getpid()} (")


class TestResidents:
    @pytest.mark.parametrize(
        ("words", "engine"),
        [
            ("/opt/venv/bin/python /opt/venv/bin/vllm serve m", True),
            ("vllm bench latency", False),
            ("python3 -m sglang.launch_server --model-path m", True),
            ("ollama serve", True),
            ("ollama run m", False),
            ("/usr/bin/llama-server -m x.gguf", True),
            ("vim llama-server.md", False),
            ("", False),
        ],
    )
    def test_which_commands_are_engines(self, words: str, engine: bool) -> None:
        assert is_engine(words.split()) is engine

    def test_what_can_be_brought_back_is_offered(self) -> None:
        living = (RunningEngine("container", "daily", 1, "org/vllm:1", 5),)
        check = found(living=living)["launch.resident"]
        assert check.hint.startswith("--replace daily stops it, and starts it again at the end")
        assert "container daily (org/vllm:1, 0.00 GiB resident)" in str(check.observed)


class TestResolve:
    def test_nothing_is_started(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before: set[Any] = {each.pid for each in psutil.Process().children(recursive=True)}
        result = resolve.resolve(recipes.load("gpt-oss-20b-vllm"))
        assert result.launch.image == "vllm/vllm-openai:v0.33.0"
        assert result.as_dict()["url"] == f"http://127.0.0.1:{result.port}/v1"
        assert {each.pid for each in psutil.Process().children(recursive=True)} == before

    def test_there_is_nothing_to_start_behind_a_url(self) -> None:
        with pytest.raises(UsageError, match="engine attached: nothing to start"):
            resolve.resolve(recipes.of_url("http://127.0.0.1:1/v1"))


class TestAnotherBox:
    def test_a_command_is_printed_without_its_engine(self, tmp_path: Path) -> None:
        recipe = Recipe.model_validate({
            "name": "x", "engine": "llama-server", "weights": {"path": str(tmp_path / "m.gguf")},
            "serve": {"executable": "no-such-llama-server"},
        })  # fmt: skip
        resolved = resolve.resolve(recipe, reserve=0, elsewhere=True)
        assert resolved.launch.argv[0] == "no-such-llama-server"
        first = resolved.checks[0]
        assert (first.id, first.status, first.observed) == ("launch.engine", "unknown", "no-such-llama-server")
        with pytest.raises(BoxError, match="no-such-llama-server: not on this box"):
            resolve.resolve(recipe, reserve=0)


class TestMods:
    def test_a_recipe_that_needs_one_is_refused_and_another_warned_of(self, image: list[ImageInfo | None]) -> None:
        data = {"model": "org/m", "runtime": "vllm", "container": "org/vllm:1", "mods": ["mods/fix-x"],
                "command": "vllm serve {model} --chat-template x.jinja"}  # fmt: skip
        needs = from_sparkrun(data, where="r", stem="r")
        check = found(needs)["launch.mods"]
        assert (check.status, check.observed) == ("fail", "mods/fix-x")
        assert "x.jinja" in check.evidence
        without = from_sparkrun({**data, "command": "vllm serve {model}"}, where="r", stem="r")
        assert found(without)["launch.mods"].status == "warn"

    def test_a_variable_that_is_not_set_fails(self, image: list[ImageInfo | None], monkeypatch: Any) -> None:
        data = {"model": "org/m", "runtime": "vllm", "container": "o/v:1", "env": {"HF_TOKEN": "${NO_SUCH_TOKEN}"}}
        recipe = from_sparkrun(data, where="r", stem="r")
        assert found(recipe)["launch.variables"].observed == "not set: NO_SUCH_TOKEN"
        monkeypatch.setenv("NO_SUCH_TOKEN", "x")
        assert found(recipe)["launch.variables"].status == "pass"


class TestUtilisation:
    """vLLM asks for its share of free memory before it looks at a pinned cache."""

    def recipe(self, version: str, **arguments: object) -> Recipe:
        data = SPARK.model_dump(mode="json")
        data["engine_version"] = version
        data["serve"]["arguments"] = {"kv-cache-memory-bytes": "8G", **arguments}
        return Recipe.model_validate(data)

    def checks(self, recipe: Recipe, image: list[ImageInfo | None]) -> dict[str, Check]:
        return found(recipe, box(available_gib=70.0))

    @pytest.mark.parametrize("version", ["0.26.0", "0.27.1", "0.33.0"])
    def test_a_share_that_is_not_free_fails(self, version: str, image: list[ImageInfo | None]) -> None:
        check = self.checks(self.recipe(version), image)["launch.utilisation"]
        assert check.status == "fail"
        assert "gpu-memory-utilization 0.57 or less" in check.hint

    def test_a_smaller_share_passes(self, image: list[ImageInfo | None]) -> None:
        recipe = self.recipe("0.33.0", **{"gpu-memory-utilization": 0.5})
        assert self.checks(recipe, image)["launch.utilisation"].status == "pass"

    def test_of_a_version_that_nobody_read_it_is_unknown(self, image: list[ImageInfo | None]) -> None:
        assert self.checks(self.recipe("0.40.0"), image)["launch.utilisation"].status == "unknown"

    def test_without_a_pin_there_is_nothing_to_check(self, image: list[ImageInfo | None]) -> None:
        recipe = self.recipe("0.33.0")
        serve = recipe.serve.model_copy(update={"arguments": {}})
        assert "launch.utilisation" not in self.checks(recipe.model_copy(update={"serve": serve}), image)
